//! Depth bombs: never a crash, never a refusal of what else the request holds.

use serde_json::json;

use super::super::{Format, Parsed, Query, Request, parse};
use super::{received, web_message};

const DEPTHS: [usize; 4] = [17, 49, 200, 100_000];

fn post_json(body: &str) -> Parsed {
    parse(Request {
        body: body.as_bytes(),
        ..Request::default()
    })
    .unwrap()
}

/// A `WebMessageInfo` around a message in JSON.
fn with_message(message: &str) -> String {
    let body = web_message(&json!("MESSAGE")).to_string();
    body.replace("\"MESSAGE\"", message)
}

#[test]
fn wrapped_json_of_any_depth_is_the_senders_fault() {
    for depth in DEPTHS {
        let wrapped = [
            &r#"{"ephemeralMessage":{"message":"#.repeat(depth),
            r#"{"conversation":"hi"}"#,
            &"}}".repeat(depth),
        ]
        .concat();
        let parsed = post_json(&with_message(&wrapped));
        assert_eq!(parsed.messages[0].key.id, "3EB0C431C26A1916E07A");
        let fault = received(&parsed).fault.clone();
        assert_eq!(
            fault.as_deref(),
            Some("message is wrapped more than 16 times"),
            "{depth}"
        );
    }
}

#[test]
fn carousels_of_any_depth_are_the_senders_fault() {
    for depth in DEPTHS {
        let cards = [
            r#"{"interactiveMessage":"#,
            &r#"{"carouselMessage":{"cards":["#.repeat(depth),
            "{}",
            &"]}}".repeat(depth),
            "}",
        ]
        .concat();
        let body = with_message(&cards);
        let parsed = post_json(&body);
        assert!(
            received(&parsed)
                .fault
                .as_ref()
                .unwrap()
                .contains("16 structures"),
            "{depth}"
        );
    }
}

#[test]
fn depth_in_what_is_not_read_harms_nothing() {
    for depth in DEPTHS {
        let quoted = [
            r#"{"extendedTextMessage":{"text":"hi","contextInfo":{"stanzaId":"Q","quotedMessage":"#,
            &"[".repeat(depth),
            &"]".repeat(depth),
            "}}}",
        ]
        .concat();
        assert_eq!(
            received(&post_json(&with_message(&quoted)))
                .quoted_id
                .as_deref(),
            Some("Q")
        );
    }
}

#[test]
fn nothing_but_depth_is_refused_cleanly() {
    for body in ["[".repeat(1_000_000), r#"{"a":"#.repeat(1_000_000)] {
        let error = parse(Request {
            body: body.as_bytes(),
            ..Request::default()
        })
        .unwrap_err();
        assert_eq!(error.code, "malformed_json");
    }
    let closed = "[".repeat(100_000) + &"]".repeat(100_000);
    let error = parse(Request {
        body: closed.as_bytes(),
        ..Request::default()
    })
    .unwrap_err();
    assert_eq!(error.code, "unknown_shape");
}

/// A length-delimited field.
fn field(number: usize, content: &[u8]) -> Vec<u8> {
    [
        &varint(number << 3 | 2)[..],
        &varint(content.len()),
        content,
    ]
    .concat()
}

fn varint(value: usize) -> Vec<u8> {
    let low = u8::try_from(value & 0x7f).unwrap();
    match value >> 7 {
        0 => vec![low],
        rest => [vec![low | 0x80], varint(rest)].concat(),
    }
}

/// `ephemeralMessage` (40) around `conversation`, `depth` times.
fn protobuf_bomb(depth: usize) -> Vec<u8> {
    let text = field(1, b"hi");
    (0..depth).fold(text, |inner, _| field(40, &field(1, &inner)))
}

#[test]
fn wrapped_protobuf_of_any_depth_is_the_senders_fault() {
    for depth in [17, 40, 49, 50, 51, 200, 5_000] {
        let message = protobuf_bomb(depth);
        let bare = parse(Request {
            format: Some(Format::ProtobufMessage),
            query: Query {
                message_id: Some("A".into()),
                chat: Some("1@s.whatsapp.net".into()),
                ..Query::default()
            },
            body: &message,
            ..Request::default()
        });
        assert!(received(&bare.unwrap()).fault.is_some(), "{depth}");
        let key = field(1, &[field(1, b"1@s.whatsapp.net"), field(3, b"A")].concat());
        let body = [key, field(2, &message), field(19, b"John")].concat();
        let parsed = parse(Request {
            format: Some(Format::ProtobufWebMessageInfo),
            body: &body,
            ..Request::default()
        })
        .unwrap();
        assert_eq!(parsed.messages[0].push_name.as_deref(), Some("John"));
        assert!(received(&parsed).fault.is_some(), "{depth}");
    }
}
