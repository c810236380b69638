//! What a body becomes.

mod stream;
mod values;

use std::cell::Cell;

use serde_json::{Value, json};

use super::*;

const CHAT: &str = "5511999999999@s.whatsapp.net";

fn read_text(body: &str) -> Result<Request<Vec<u8>>, RequestError> {
    read(body.as_bytes(), || Ok(Vec::new()))
}

fn read_json(body: &Value) -> Result<Request<Vec<u8>>, RequestError> {
    read_text(&body.to_string())
}

/// A body that is good, with fields changed; `null` counts as taken away.
fn with(mut base: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("{changes}");
    };
    for (name, value) in changes {
        base[name] = value;
    }
    base
}

fn text() -> Value {
    json!({"chatId": CHAT, "type": "text", "text": "hello @5511888888888 there"})
}

fn image() -> Value {
    json!({"chatId": CHAT, "type": "image", "base64": "aGVsbG8="})
}

fn refused(result: Result<Request<Vec<u8>>, RequestError>) -> Refusal {
    match result {
        Err(RequestError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(body: &Value, code: &str, pointer: &str) -> String {
    let refusal = refused(read_json(body));
    let found = (refusal.code, refusal.pointer.as_deref().unwrap_or("-"));
    assert_eq!(found, (code, pointer), "{body} {}", refusal.message);
    assert!(refusal.message.len() < 250, "{}", refusal.message);
    refusal.message
}

#[test]
fn a_text_is_read_with_all_that_it_may_have() {
    let body = with(
        text(),
        json!({
            "session": "my-session_1.a",
            "linkPreview": false,
            "quotedMessage": {"id": "3EB0", "participant": "551:7@c.us", "fromMe": true},
            "mentions": ["5511888888888@c.us", "5511888888888@s.whatsapp.net"],
            "isForwarded": true,
            "caption": null, "url": null, "base64": null, "ptt": null,
        }),
    );
    let request = read_json(&body).unwrap();
    assert_eq!(request.session.as_deref(), Some("my-session_1.a"));
    assert!(request.is_forwarded && request.file.is_none());
    let outgoing = request.outgoing(None).unwrap();
    assert_eq!(
        outgoing,
        Outgoing {
            chat: CHAT.into(),
            content: Content::Text {
                text: "hello @5511888888888 there".into(),
                link_preview: Some(false),
            },
            quoted: Some(Quoted {
                id: "3EB0".into(),
                participant: Some("551@s.whatsapp.net".into()),
                from_me: true,
            }),
            mentions: vec!["5511888888888@s.whatsapp.net".into()],
            forwarded: true,
        }
    );
}

#[test]
fn a_file_is_decoded_wherever_its_type_stands() {
    for body in [
        r#"{"type": "file", "filename": "a.txt", "chatId": "1@lid", "base64": "aGVsbG8=", "caption": "c"}"#,
        r#"{"base64": "aGVsbG8=", "caption": "c", "chatId": "1@lid", "filename": "a.txt", "type": "file"}"#,
        r#"{"base64":"data:a\/b;base64,aGVs\nbG8","caption":"c","chatId":"1@lid","filename":"a.txt","type":"file"}"#,
    ] {
        let mut request = read_text(body).unwrap();
        let Some(Source::Base64(bytes)) = request.file.take() else {
            panic!("{request:?}");
        };
        assert_eq!(bytes, b"hello");
        let found = Found {
            mime: "text/plain".into(),
            kind: OutgoingKind::Document,
        };
        let outgoing = request.outgoing(Some(FoundFile { found, length: 5 }));
        let wanted = Attachment {
            kind: OutgoingKind::Document,
            mime: "text/plain".into(),
            length: 5,
            file_name: Some("a.txt".into()),
            caption: Some("c".into()),
        };
        assert_eq!(outgoing.unwrap().content, Content::File(wanted));
    }
}

#[test]
fn a_url_is_kept_and_never_shown() {
    let body = json!({"chatId": CHAT, "type": "voice", "url": "https://a.example/?sig=s3cret", "ptt": false});
    let request = read_json(&body).unwrap();
    assert!(!request.ptt);
    assert!(!format!("{request:?}").contains("s3cret"));
    let Some(Source::Url(url)) = request.file else {
        panic!("no url")
    };
    assert_eq!(url, "https://a.example/?sig=s3cret");
    let body = json!({"chatId": CHAT, "type": "image", "url": "u".repeat(2049)});
    assert_refused(&body, "invalid_field", "/url");
    assert!(read_json(&json!({"chatId": CHAT, "type": "image", "url": "u".repeat(2048)})).is_ok());
}

#[test]
fn sound_is_a_voice_note_unless_the_caller_says_no() {
    let body = json!({"chatId": CHAT, "type": "voice", "base64": "aGVsbG8="});
    assert!(read_json(&body).unwrap().ptt);
}

#[test]
fn what_a_request_needs_is_named_when_it_is_missing() {
    for (field, body) in [
        ("/chatId", with(text(), json!({"chatId": null}))),
        ("/type", with(text(), json!({"type": null}))),
        ("/text", with(text(), json!({"text": null}))),
        ("-", with(image(), json!({"base64": null}))),
        ("/filename", with(image(), json!({"type": "file"}))),
        (
            "/quotedMessage/id",
            with(text(), json!({"quotedMessage": {"fromMe": true}})),
        ),
        ("/type", json!({})),
    ] {
        assert_refused(&body, "missing_field", field);
    }
}

#[test]
fn what_goes_with_another_type_is_refused() {
    for (field, body) in [
        ("/text", with(image(), json!({"text": "hello"}))),
        ("/linkPreview", with(image(), json!({"linkPreview": true}))),
        ("/base64", with(text(), json!({"base64": "aGVsbG8="}))),
        ("/url", with(text(), json!({"url": "https://a.example/"}))),
        ("/caption", with(text(), json!({"caption": "c"}))),
        (
            "/caption",
            with(image(), json!({"type": "voice", "caption": "c"})),
        ),
        (
            "/caption",
            with(image(), json!({"type": "sticker", "caption": "c"})),
        ),
        ("/filename", with(text(), json!({"filename": "a"}))),
        ("/ptt", with(image(), json!({"ptt": true}))),
    ] {
        assert_refused(&body, "invalid_field", field);
    }
    let both = r#"{"url": "https://a.example/", "base64": "aGVsbG8="}"#;
    assert_eq!(refused(read_text(both)).pointer.unwrap(), "/base64");
    let both = r#"{"base64": "aGVsbG8=", "url": "https://a.example/"}"#;
    assert_eq!(refused(read_text(both)).pointer.unwrap(), "/url");
}

#[test]
fn a_file_that_may_not_be_there_is_not_decoded() {
    let body = r#"{"type": "text", "base64": "aGVsbG8="}"#;
    let opened = Cell::new(false);
    let result = read(body.as_bytes(), || {
        opened.set(true);
        Ok(Vec::new())
    });
    assert_eq!(refused(result).pointer.unwrap(), "/base64");
    assert!(!opened.get());
}

#[test]
fn an_empty_file_is_not_sent() {
    let request = read_json(&image()).unwrap();
    let found = Found {
        mime: "image/png".into(),
        kind: OutgoingKind::Image,
    };
    let error = request
        .outgoing(Some(FoundFile { found, length: 0 }))
        .unwrap_err();
    assert!(matches!(error, RequestError::Refused(refusal) if refusal.code == "invalid_field"));
}
