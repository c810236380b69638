//! Byte strings and numbers in each gateway's rendering.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};
use serde_json::{Map, Value, json};

use super::super::{bytes, json as tree, number};
use super::{image, key, media, post, received, web_message};

fn indexed(bytes: &[u8]) -> Value {
    let entries = bytes.iter().enumerate();
    entries
        .map(|(index, byte)| (index.to_string(), json!(byte)))
        .collect::<Map<_, _>>()
        .into()
}

fn renderings(bytes: &[u8]) -> Vec<Value> {
    let standard = STANDARD.encode(bytes);
    let mut all = vec![
        json!(standard),
        json!(STANDARD_NO_PAD.encode(bytes)),
        json!(URL_SAFE.encode(bytes)),
        json!(URL_SAFE_NO_PAD.encode(bytes)),
        json!(format!("data:;base64,{standard}")),
        json!(format!("data:application/octet-stream;base64,{standard}")),
        json!(standard.replace('+', " ")),
        json!({"type": "Buffer", "data": bytes}),
        json!({"type": "Buffer", "data": standard}),
        json!(bytes),
        indexed(bytes),
    ];
    if bytes.len() >= 10 {
        all.push(json!(hex::encode(bytes)));
        all.push(json!(hex::encode_upper(bytes)));
    }
    all
}

fn read(value: &Value) -> Option<Vec<u8>> {
    let text = value.to_string();
    bytes::bytes(&tree::parse(text.as_bytes()).unwrap())
}

#[test]
fn a_file_is_the_same_in_every_rendering_of_its_key() {
    for rendering in renderings(&key()) {
        let mut image = image();
        image["mediaKey"] = rendering.clone();
        let media = media(&web_message(&json!({"imageMessage": image})));
        assert_eq!(media.fault, None, "{rendering}");
        assert_eq!(media.media_key.unwrap().0, *key(), "{rendering}");
    }
}

#[test]
fn index_keyed_bytes_are_ordered_by_number() {
    let reversed: Vec<_> = (0..32).rev().map(|i| format!("\"{i}\":{i}")).collect();
    let body = format!("{{{}}}", reversed.join(","));
    assert_eq!(
        bytes::bytes(&tree::parse(body.as_bytes()).unwrap()),
        Some(key())
    );
}

#[test]
fn what_is_no_byte_string_becomes_the_senders_fault() {
    for wrong in [
        json!("not base64!"),
        json!({"0": 1, "2": 3}),
        json!({"0": 1, "1": 300}),
        json!([1, 2, 300]),
        json!({"type": "Buffer"}),
        json!({"type": "Buffer", "data": {"type": "Buffer", "data": [1]}}),
        json!(true),
        json!(17),
        json!(["a"]),
        json!("zz!".repeat(32)),
        json!(""),
    ] {
        let mut image = image();
        image["mediaKey"] = wrong.clone();
        let media = media(&web_message(&json!({"imageMessage": image})));
        assert_eq!(
            media.fault.as_deref(),
            Some("mediaKey is 0 bytes, not 32"),
            "{wrong}"
        );
    }
}

#[test]
fn lengths_are_read_as_numbers_strings_and_longs() {
    for (length, wanted) in [
        (json!(60), Some(60)),
        (json!(60.0), Some(60)),
        (json!("60"), Some(60)),
        (json!({"low": 60, "high": 0, "unsigned": true}), Some(60)),
        (
            json!({"low": -2_147_483_648_i64, "high": 0, "unsigned": true}),
            Some(2_147_483_648),
        ),
        (Value::Null, None),
    ] {
        let mut image = image();
        image["fileLength"] = length.clone();
        let media = media(&web_message(&json!({"imageMessage": image})));
        assert_eq!((media.file_length, media.fault), (wanted, None), "{length}");
    }
}

#[test]
fn absurd_lengths_are_the_senders_fault() {
    for length in [
        json!(-1),
        json!("-1"),
        json!({"low": -1, "high": -1, "unsigned": false}),
        json!(1.5),
        json!("many"),
        json!(u64::MAX),
        json!("18446744073709551615"),
        json!(1e300),
        json!({"low": 1}),
        json!(i64::MAX),
        json!("99999999999999999999999999999999999999999999999"),
        json!([1]),
    ] {
        let mut image = image();
        image["fileLength"] = length.clone();
        let media = media(&web_message(&json!({"imageMessage": image})));
        assert!(
            media.fault.as_ref().unwrap().starts_with("fileLength is "),
            "{length}"
        );
    }
}

#[test]
fn field_names_are_read_in_every_casing() {
    for [url, sha, enc, path, mime, thumbnail, length] in [
        [
            "url",
            "fileSha256",
            "fileEncSha256",
            "directPath",
            "mimetype",
            "jpegThumbnail",
            "fileLength",
        ],
        [
            "URL",
            "fileSHA256",
            "fileEncSHA256",
            "directPath",
            "mimetype",
            "JPEGThumbnail",
            "fileLength",
        ],
        [
            "Url",
            "FileSHA256",
            "FileEncSHA256",
            "DirectPath",
            "Mimetype",
            "JpegThumbnail",
            "FileLength",
        ],
        [
            "url",
            "file_sha256",
            "file_enc_sha256",
            "direct_path",
            "mimeType",
            "jpeg_thumbnail",
            "file_length",
        ],
    ] {
        let sound = image();
        let body = web_message(&json!({"imageMessage": {
            url: sound["url"], sha: sound["fileSha256"], enc: sound["fileEncSha256"],
            path: sound["directPath"], mime: "image/png", thumbnail: "/9j/", length: 60,
            "mediaKey": sound["mediaKey"]
        }}));
        let media = media(&body);
        assert_eq!(media.fault, None);
        assert!(media.sha256.is_some() && media.enc_sha256.is_some() && media.url.is_some());
        assert_eq!(media.mime_type.as_deref(), Some("image/png"));
        assert_eq!(media.jpeg_thumbnail, Some(vec![0xff, 0xd8, 0xff]));
        assert_eq!(media.file_length, Some(60));
    }
}

#[test]
fn evolutions_rendering_of_a_message_is_read() {
    let mut image = image();
    image["mediaKey"] = indexed(&key());
    image["fileLength"] = json!({"low": 60, "high": 0, "unsigned": true});
    image["jpegThumbnail"] = indexed(&[0xff, 0xd8]);
    let parsed = post(&web_message(&json!({"imageMessage": image})));
    let media = &received(&parsed).media[0];
    assert_eq!((media.file_length, &media.fault), (Some(60), &None));
    assert_eq!(media.jpeg_thumbnail, Some(vec![0xff, 0xd8]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn byte_strings_survive_every_rendering(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for rendering in renderings(&bytes) {
            prop_assert_eq!(read(&rendering), Some(bytes.clone()), "{}", rendering);
        }
    }

    #[test]
    fn whole_numbers_survive_every_rendering(value in any::<i64>()) {
        let bits = value.cast_unsigned();
        #[allow(clippy::cast_possible_truncation, reason = "the halves of a Long")]
        let (low, high) = (bits as i32, (bits >> 32) as i32);
        for rendering in [
            json!(value),
            json!(value.to_string()),
            json!({"low": low, "high": high, "unsigned": false}),
        ] {
            let text = rendering.to_string();
            let tree = tree::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(number::signed(&tree), Some(value));
            prop_assert_eq!(number::unsigned(&tree), bits);
        }
    }
}
