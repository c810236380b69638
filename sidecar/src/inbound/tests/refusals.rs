//! What only the gateway can get wrong, and bodies that are nobody's.

use serde_json::{Value, json};

use super::super::{Format, ParseError, Request, parse};
use super::{image, post, try_post, upsert, web_message};

fn refused(body: &Value) -> (&'static str, Option<String>) {
    let ParseError { code, pointer, .. } = try_post(body).unwrap_err();
    (code, pointer)
}

fn code(content_type: Option<&str>, body: &[u8]) -> &'static str {
    let request = Request {
        content_type,
        body,
        ..Request::default()
    };
    parse(request).unwrap_err().code
}

#[test]
fn one_bad_message_refuses_the_whole_request_with_its_place() {
    let good = || web_message(&json!({"imageMessage": image()}));
    let mut no_id = good();
    no_id["key"]["id"] = "".into();
    let mut no_chat = good();
    no_chat["key"]["remoteJid"] = Value::Null;
    let mut no_key = good();
    no_key["key"] = Value::Null;
    for (bad, code, pointer) in [
        (no_id, "missing_id", "/data/messages/1/key/id"),
        (no_chat, "missing_chat", "/data/messages/1/key/remoteJid"),
        (no_key, "missing_id", "/data/messages/1/key/id"),
    ] {
        let refused = refused(&upsert(&[good(), bad]));
        assert_eq!(refused, (code, Some(pointer.to_owned())));
    }
}

#[test]
fn places_are_told_in_every_shape() {
    let no_id = json!({"key": {"remoteJid": "1@s.whatsapp.net"}, "message": {"conversation": "x"}});
    for (body, pointer) in [
        (no_id.clone(), "/key/id"),
        (json!([no_id]), "/0/key/id"),
        (
            json!({"type": "notify", "messages": [no_id]}),
            "/messages/0/key/id",
        ),
        (
            json!({"messages.upsert": {"messages": [no_id]}}),
            "/messages.upsert/messages/0/key/id",
        ),
        (
            json!({"Info": {"Chat": "1@s.whatsapp.net"}, "Message": {}}),
            "/Info/ID",
        ),
    ] {
        assert_eq!(refused(&body), ("missing_id", Some(pointer.to_owned())));
    }
    let no_chat = json!({"Info": {"ID": "A"}, "Message": {"conversation": "x"}});
    assert_eq!(
        refused(&no_chat),
        ("missing_chat", Some("/Info/Chat".to_owned()))
    );
    let no_list = json!({"event": "messages.upsert", "data": {"messages": "x"}});
    assert_eq!(
        refused(&no_list),
        ("unknown_shape", Some("/data/messages".to_owned()))
    );
}

#[test]
fn what_is_not_json_is_refused() {
    for body in [
        "",
        "{",
        "nope",
        "{\"a\":1,}",
        "[1,2",
        "{\"a\":1} x",
        "\u{1}",
        "\"\\ud800",
    ] {
        assert_eq!(code(None, body.as_bytes()), "malformed_json", "{body:?}");
    }
    assert_eq!(
        code(Some("application/json"), b"{\"key\":\"\xff\"}"),
        "malformed_json"
    );
}

#[test]
fn half_an_emoji_does_not_refuse_the_request() {
    let body = web_message(&json!({"conversation": "CUT"})).to_string();
    let body = body
        .replace("CUT", "see \\ud83d")
        .replace("John Doe", "\\ude00");
    let request = Request {
        body: body.as_bytes(),
        ..Request::default()
    };
    let parsed = parse(request).unwrap();
    assert_eq!(parsed.messages[0].push_name.as_deref(), Some("\u{fffd}"));
    assert_eq!(
        super::received(&parsed).text.as_deref(),
        Some("see \u{fffd}")
    );
}

#[test]
fn an_error_does_not_repeat_what_the_body_says() {
    let body = br#"{"key":{"remoteJid":"5511999999999@s.whatsapp.net","id":"A"},"message":{"conversation":secret}}"#;
    let request = Request {
        body,
        ..Request::default()
    };
    let error = parse(request).unwrap_err();
    assert!(
        !error.message.contains("secret") && error.message.contains("line 1"),
        "{error}"
    );
}

#[test]
fn bodies_in_no_shape_are_unknown_and_never_guessed() {
    for body in [
        json!({"imageMessage": image()}),
        json!({}),
        json!([]),
        json!([[]]),
        json!("text"),
        json!(5),
        json!(null),
        json!([1, 2]),
        json!({"messages": []}),
        json!({"data": {"messages": []}}),
        json!({"key": "x"}),
        json!({"Info": 5}),
    ] {
        assert_eq!(refused(&body).0, "unknown_shape", "{body}");
    }
}

#[test]
fn a_named_format_is_taken_at_its_word() {
    let body = web_message(&json!({"conversation": "hi"})).to_string();
    let as_format = |format| {
        parse(Request {
            format: Some(format),
            body: body.as_bytes(),
            ..Request::default()
        })
    };
    assert_eq!(as_format(Format::Baileys).unwrap().messages.len(), 1);
    assert_eq!(
        as_format(Format::ProtobufWebMessageInfo).unwrap_err().code,
        "malformed_protobuf"
    );
}

#[test]
fn format_names_are_the_documented_ones() {
    let names = Format::ALL.map(Format::name);
    assert_eq!(
        names,
        [
            "baileys",
            "evolution",
            "waha",
            "wuzapi",
            "whatsmeow",
            "protobuf-webmessageinfo",
            "protobuf-message",
        ]
    );
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("Baileys".parse::<Format>().is_err());
}

#[test]
fn content_types_of_no_known_encoding_are_refused() {
    let body = web_message(&json!({"conversation": "hi"})).to_string();
    for content_type in ["image/png", "text/html"] {
        assert_eq!(
            code(Some(content_type), body.as_bytes()),
            "unsupported_media_type"
        );
    }
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        "text/plain",
        "",
    ] {
        let request = Request {
            content_type: Some(content_type),
            body: body.as_bytes(),
            ..Request::default()
        };
        assert_eq!(parse(request).unwrap().messages.len(), 1, "{content_type}");
    }
}

#[test]
fn a_senders_faults_never_refuse_the_request() {
    let mut broken = image();
    broken["mediaKey"] = json!({"type": "Nonsense"});
    broken["fileSha256"] = json!(7);
    broken["fileLength"] = json!("x");
    broken["directPath"] = json!("//evil.example/x");
    let parsed = post(&upsert(&[
        web_message(&json!({"imageMessage": broken})),
        web_message(&json!({"imageMessage": image()})),
        web_message(&json!({"imageMessage": "text", "conversation": 5})),
    ]));
    assert_eq!(parsed.messages.len(), 3);
}
