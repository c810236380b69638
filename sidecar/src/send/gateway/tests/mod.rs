//! What is sent to gateways, against our own expectation of it and the published shapes.

mod answers;
mod evolution;
mod waha;
mod wuzapi;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_crds::media_session::SendType;

use super::*;
use crate::send::outgoing::{Attachment, Quoted};

const ID: &str = "3EB0A1B2C3D4E5F60718";
const PHONE: &str = "5547988887777@s.whatsapp.net";
const GROUP: &str = "120363041234567890@g.us";
const CHANNEL: &str = "120363049876543210@newsletter";
const LID: &str = "98765432109876@lid";
const OTHER: &str = "15551230009@s.whatsapp.net";

const ALL: [SendType; 3] = [SendType::Waha, SendType::Evolution, SendType::Wuzapi];
const VOICE: OutgoingKind = OutgoingKind::Audio { voice_note: true };
const SOUND: OutgoingKind = OutgoingKind::Audio { voice_note: false };

fn message(chat: &str, content: Content) -> Outgoing {
    Outgoing {
        chat: chat.to_owned(),
        content,
        quoted: None,
        mentions: Vec::new(),
        forwarded: false,
    }
}

fn text(text: &str) -> Content {
    Content::Text {
        text: text.to_owned(),
        link_preview: None,
    }
}

fn file(kind: OutgoingKind, mime: &str) -> Attachment {
    Attachment {
        kind,
        mime: mime.to_owned(),
        length: 3,
        file_name: (kind == OutgoingKind::Document).then(|| "list.pdf".to_owned()),
        caption: None,
    }
}

fn with_caption(kind: OutgoingKind, mime: &str, caption: &str) -> Content {
    Content::File(Attachment {
        caption: Some(caption.to_owned()),
        ..file(kind, mime)
    })
}

fn quoted(participant: Option<&str>, from_me: bool) -> Quoted {
    Quoted {
        id: "3A00112233445566".to_owned(),
        participant: participant.map(str::to_owned),
        from_me,
    }
}

fn asked(type_: SendType, message: &Outgoing) -> Result<Call, Unsupported> {
    let key = ApiKey::parse("s3cret-key").unwrap();
    call(type_, "shop 1/ä", Some(&key), message, ID)
}

/// The body as it goes out, with its length checked.
fn filled(call: &Call, file: &[u8]) -> Value {
    let mut bytes = call.body.head.clone();
    if let Some(tail) = &call.body.tail {
        bytes.extend_from_slice(STANDARD.encode(file).as_bytes());
        bytes.extend_from_slice(tail);
    }
    assert_eq!(call.body.length(file.len() as u64), bytes.len() as u64);
    serde_json::from_slice(&bytes).unwrap()
}

fn sent_to(type_: SendType, message: &Outgoing) -> (String, Value) {
    let call = asked(type_, message).unwrap();
    assert_published(type_, &call);
    let body = filled(&call, b"abc");
    (call.path, body)
}

fn refused_at(type_: SendType, message: &Outgoing) -> &'static str {
    asked(type_, message).unwrap_err().pointer
}

fn published(type_: SendType) -> Value {
    let text = match type_ {
        SendType::Waha => include_str!("../../../../../tests/published/waha.json"),
        SendType::Evolution => include_str!("../../../../../tests/published/evolution.json"),
        SendType::Wuzapi => include_str!("../../../../../tests/published/wuzapi.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// Whether a path is one of a route such as `/message/sendText/{instance}`.
fn is_on(path: &str, route: &str) -> bool {
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len()
        && (path.iter().zip(&route)).all(|(here, there)| there.starts_with('{') || here == there)
}

fn assert_published(type_: SendType, call: &Call) {
    let published = published(type_);
    let header = published["key"]["header"].as_str().unwrap();
    assert!(
        call.headers
            .iter()
            .any(|(name, _)| name.as_str().eq_ignore_ascii_case(header))
    );
    let route = published["routes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|route| is_on(&call.path, route["path"].as_str().unwrap()))
        .unwrap_or_else(|| panic!("{} is no published path", call.path));
    assert_eq!(route["method"], call.method.as_str());
    for file in [&b""[..], b"abc", b"four", b"fives"] {
        let body = filled(call, file);
        let validator = jsonschema::draft202012::new(&route["schema"]).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&body)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{} {body}: {errors:?}", call.path);
    }
}

#[test]
fn every_kind_of_message_is_of_a_published_shape() {
    let contents = [
        text("hello https://example.com"),
        with_caption(OutgoingKind::Image, "image/png", "look"),
        Content::File(file(OutgoingKind::Image, "image/webp")),
        with_caption(OutgoingKind::Video, "video/mp4", "look"),
        Content::File(file(OutgoingKind::Video, "video/mp4")),
        Content::File(file(VOICE, "audio/ogg")),
        Content::File(file(VOICE, "audio/mpeg")),
        Content::File(file(SOUND, "audio/mpeg")),
        Content::File(file(OutgoingKind::Document, "application/pdf")),
        Content::File(file(OutgoingKind::Sticker, "image/webp")),
    ];
    for type_ in ALL {
        for content in &contents {
            for chat in [PHONE, GROUP, CHANNEL, LID, STATUS] {
                let plain = message(chat, content.clone());
                let reply = Outgoing {
                    quoted: Some(quoted(Some(OTHER), false)),
                    mentions: vec![OTHER.to_owned(), LID.to_owned()],
                    ..plain.clone()
                };
                for message in [plain, reply] {
                    if let Ok(call) = asked(type_, &message) {
                        assert_published(type_, &call);
                    }
                }
            }
        }
    }
}

#[test]
fn the_key_stands_in_the_gateways_header_and_is_never_shown() {
    for (type_, header) in ALL.into_iter().zip(["x-api-key", "apikey", "token"]) {
        let call = asked(type_, &message(PHONE, text("hi"))).unwrap();
        let (_, value) = call
            .headers
            .iter()
            .find(|(name, _)| name == header)
            .unwrap();
        assert_eq!(value, "s3cret-key");
        assert!(value.is_sensitive());
        assert!(!format!("{call:?}").contains("s3cret-key"));
    }
    let key = ApiKey::parse(" s3cret-key\n").unwrap();
    assert_eq!(key, ApiKey::parse("s3cret-key").unwrap());
    assert_eq!(format!("{key:?}"), "ApiKey(…)");
}

#[test]
fn a_key_that_no_header_carries_is_refused() {
    for key in ["", "  \n", "two\nlines"] {
        assert_eq!(ApiKey::parse(key), Err(InvalidApiKey));
    }
}

#[test]
fn without_a_key_no_header_is_sent() {
    for type_ in ALL {
        let call = call(type_, "shop", None, &message(PHONE, text("hi")), ID).unwrap();
        let names: Vec<_> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type"]);
        assert_eq!(call.method, Method::POST);
    }
}

#[test]
fn sound_and_stickers_have_no_caption() {
    for type_ in ALL {
        for (kind, mime) in [
            (VOICE, "audio/ogg"),
            (SOUND, "audio/mpeg"),
            (OutgoingKind::Sticker, "image/webp"),
        ] {
            let message = message(PHONE, with_caption(kind, mime, "words"));
            assert_eq!(refused_at(type_, &message), "/caption");
        }
    }
}

#[test]
fn words_that_look_like_json_or_a_file_stay_words() {
    let words = "\"}} \\ ,\"data\":\"\u{0} Grüße 👋\n";
    let document = Attachment {
        file_name: Some("Straße \"1\" \\ 合同.pdf".to_owned()),
        caption: Some(words.to_owned()),
        ..file(OutgoingKind::Document, "application/pdf")
    };
    let message = message(PHONE, Content::File(document));
    let (_, waha) = sent_to(SendType::Waha, &message);
    assert_eq!(waha["caption"], words);
    assert_eq!(waha["file"]["filename"], "Straße \"1\" \\ 合同.pdf");
    assert_eq!(waha["file"]["data"], "YWJj");
    let (_, evolution) = sent_to(SendType::Evolution, &message);
    assert_eq!(evolution["fileName"], "Straße \"1\" \\ 合同.pdf");
    assert_eq!(evolution["media"], "YWJj");
    let (_, wuzapi) = sent_to(SendType::Wuzapi, &message);
    assert_eq!(wuzapi["FileName"], "Straße \"1\" \\ 合同.pdf");
    assert_eq!(
        wuzapi["Document"],
        "data:application/octet-stream;base64,YWJj"
    );
}

#[test]
fn a_file_of_no_bytes_leaves_its_place_empty() {
    let document = file(OutgoingKind::Document, "application/pdf");
    let message = message(PHONE, Content::File(document));
    let body = |type_| filled(&asked(type_, &message).unwrap(), b"");
    assert_eq!(body(SendType::Waha)["file"]["data"], "");
    assert_eq!(body(SendType::Evolution)["media"], "");
    let empty = "data:application/octet-stream;base64,";
    assert_eq!(body(SendType::Wuzapi)["Document"], empty);
}

#[test]
fn the_length_is_known_beforehand() {
    let image = message(PHONE, Content::File(file(OutgoingKind::Image, "image/png")));
    for type_ in ALL {
        let call = asked(type_, &image).unwrap();
        for length in 0..8 {
            filled(&call, &vec![7; length]);
        }
        let text = asked(type_, &message(PHONE, text("hi"))).unwrap();
        assert_eq!(text.body.tail, None);
        assert_eq!(text.body.length(50), text.body.head.len() as u64);
    }
}

#[test]
fn a_link_preview_is_asked_for_only_where_the_caller_says_so() {
    for (type_, field) in ALL
        .into_iter()
        .zip(["linkPreview", "linkPreview", "LinkPreview"])
    {
        for link_preview in [None, Some(true), Some(false)] {
            let text = "https://example.com".to_owned();
            let content = Content::Text { text, link_preview };
            let (_, body) = sent_to(type_, &message(PHONE, content));
            assert_eq!(body.get(field), link_preview.map(|on| json!(on)).as_ref());
        }
    }
}
