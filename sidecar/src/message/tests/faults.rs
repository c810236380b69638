//! What a sender can get wrong about a file, each named, none refusing the message.

use waproto::whatsapp as wa;
use waproto::whatsapp::message as m;

use super::super::{Event, MediaReference};
use super::{content, image, incoming};

fn reference(set: impl FnOnce(&mut m::ImageMessage)) -> MediaReference {
    let mut image = image(1);
    set(&mut image);
    let mut content = content(wa::Message {
        image_message: image.into(),
        ..Default::default()
    });
    content.media.remove(0)
}

#[test]
fn each_fault_names_its_field() {
    type Set = fn(&mut m::ImageMessage);
    let cases: [(Set, &str); 17] = [
        (
            |it| it.media_key = Some(vec![1; 31]),
            "mediaKey is 31 bytes, not 32",
        ),
        (
            |it| it.media_key = Some(vec![1; 33]),
            "mediaKey is 33 bytes, not 32",
        ),
        (
            |it| it.media_key = Some(vec![]),
            "mediaKey is 0 bytes, not 32",
        ),
        (
            |it| it.file_sha256 = Some(vec![1; 20]),
            "fileSha256 is 20 bytes, not 32",
        ),
        (
            |it| it.file_enc_sha256 = Some(vec![]),
            "fileEncSha256 is 0 bytes, not 32",
        ),
        (
            |it| it.media_key = None,
            "mediaKey is missing for an encrypted file",
        ),
        (
            |it| (it.media_key, it.file_enc_sha256, it.file_sha256) = (None, None, None),
            "mediaKey and fileSha256 are missing",
        ),
        (
            |it| it.file_length = Some(u64::MAX),
            "fileLength is -1, not a length",
        ),
        (
            |it| it.file_length = Some((2 << 30) + 1),
            "fileLength is 2147483649, more than 2 GiB",
        ),
        (
            |it| it.direct_path = Some("//evil.example/x".into()),
            "directPath names a host",
        ),
        (
            |it| it.direct_path = Some("https://evil.example/x".into()),
            "directPath does not start with a slash",
        ),
        (
            |it| it.direct_path = Some("/v@evil.example".into()),
            "directPath has a backslash, '@' or '#'",
        ),
        (
            |it| it.direct_path = Some("/v\\evil".into()),
            "directPath has a backslash, '@' or '#'",
        ),
        (
            |it| it.direct_path = Some("/v\r\nHost: x".into()),
            "directPath has spaces, control or non-ASCII characters",
        ),
        (|it| it.direct_path = None, "directPath and url are missing"),
        (
            |it| (it.direct_path, it.url) = (None, Some("https://web.whatsapp.net/".into())),
            "directPath is missing and url names no file",
        ),
        (
            |it| (it.direct_path, it.url) = (None, Some("javascript:x".into())),
            "directPath is missing and url names no file",
        ),
    ];
    for (set, fault) in cases {
        assert_eq!(reference(set).fault.as_deref(), Some(fault));
    }
}

#[test]
fn what_is_missing_but_can_be_learned_is_no_fault() {
    type Set = fn(&mut m::ImageMessage);
    let cases: [Set; 6] = [
        |_| {},
        |it| it.file_length = None,
        |it| it.file_length = Some(0),
        |it| it.file_sha256 = None,
        |it| (it.file_sha256, it.file_enc_sha256) = (None, None),
        |it| {
            it.direct_path = None;
            it.url = Some("https://mmg.whatsapp.net/v/t62.7118-24/1_n.enc?oh=1&oe=2".into());
        },
    ];
    for set in cases {
        assert_eq!(reference(set).fault, None);
    }
}

#[test]
fn channel_media_is_plaintext_under_its_static_url() {
    for empty in [None, Some(vec![])] {
        let media = reference(|it| {
            it.media_key = empty.clone();
            it.file_enc_sha256 = empty;
            it.direct_path = None;
            it.static_url = Some("https://static.whatsapp.net/m1/v/t24/1.jpg".into());
        });
        assert_eq!(media.fault, None);
        assert!(media.media_key.is_none() && media.enc_sha256.is_none());
        assert_eq!(
            media.url.as_deref(),
            Some("https://static.whatsapp.net/m1/v/t24/1.jpg")
        );
    }
}

#[test]
fn a_bad_thumbnail_is_left_out_and_is_not_the_files_fault() {
    let good = reference(|it| {
        it.thumbnail_direct_path = Some("/v/thumb".into());
        it.thumbnail_sha256 = Some(vec![2; 32]);
    });
    assert_eq!(good.thumbnail.unwrap().sha256, Some([2; 32]));
    let bad = reference(|it| {
        it.thumbnail_direct_path = Some("//evil.example/thumb".into());
        it.thumbnail_sha256 = Some(vec![2; 32]);
    });
    assert_eq!((bad.thumbnail, bad.fault), (None, None));
}

#[test]
fn a_view_once_shell_is_a_placeholder_and_a_whole_one_is_not() {
    let message = |image: m::ImageMessage| wa::Message {
        view_once_message_v2: m::FutureProofMessage {
            message: wa::Message {
                image_message: image.into(),
                ..Default::default()
            }
            .into(),
        }
        .into(),
        ..Default::default()
    };
    let shell = m::ImageMessage {
        view_once: Some(true),
        ..Default::default()
    };
    let reason = match incoming(message(shell)).event {
        Event::Placeholder { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "view_once_unavailable");
    assert!(content(message(image(1))).view_once);
}
