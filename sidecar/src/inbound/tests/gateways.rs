//! Evolution API, WAHA and wuzapi: their envelopes, their faults, and what is not theirs.

use serde_json::{Value, json};

use super::super::{Format, ParseError, Request, parse};
use super::{image, placeholder, post, received, try_post, web_message};
use crate::message::Event;

fn evolution(event: &str, data: &Value) -> Value {
    json!({
        "event": event, "instance": "acme", "data": data, "sender": "5511000000000@s.whatsapp.net",
        "server_url": "https://evolution.example", "date_time": "2025-01-15T07:00:01Z", "apikey": "k"
    })
}

fn waha(event: &str, payload: &Value) -> Value {
    json!({"event": event, "session": "default", "engine": "NOWEB", "payload": payload})
}

fn go_message(message: &Value) -> Value {
    let info = json!({"ID": "3EB0A", "Chat": "5511999999999@s.whatsapp.net"});
    json!({"Info": info, "Message": message})
}

fn refused(body: &Value) -> (&'static str, Option<String>) {
    let ParseError { code, pointer, .. } = try_post(body).unwrap_err();
    (code, pointer)
}

fn as_wuzapi(content_type: &str, body: &[u8]) -> Result<super::Parsed, ParseError> {
    parse(Request {
        content_type: Some(content_type),
        body,
        ..Request::default()
    })
}

#[test]
fn places_of_the_gateways_faults_are_told() {
    let no_id = json!({"key": {"remoteJid": "1@s.whatsapp.net"}, "message": {"conversation": "x"}});
    let no_chat = json!({"key": {"id": "A"}, "message": {"conversation": "x"}});
    let reaction = json!({"id": "false_1@c.us_A", "reaction": {"text": "x", "messageId": "B"}});
    for (body, code, pointer) in [
        (
            evolution("messages.upsert", &no_id),
            "missing_id",
            "/data/key/id",
        ),
        (
            evolution("messages.upsert", &json!([no_chat])),
            "missing_chat",
            "/data/0/key/remoteJid",
        ),
        (
            evolution("messages.delete", &json!({"fromMe": true})),
            "missing_id",
            "/data/id",
        ),
        (
            evolution("messages.delete", &json!({"key": {"id": "A"}})),
            "missing_chat",
            "/data/key/remoteJid",
        ),
        (
            evolution(
                "send.message.update",
                &json!({"type": 14, "editedMessage": {}}),
            ),
            "missing_id",
            "/data/key/id",
        ),
        (
            waha("message", &json!({"_data": no_id})),
            "missing_id",
            "/payload/_data/key/id",
        ),
        (
            waha("message", &json!({"id": "x"})),
            "unknown_shape",
            "/payload/_data",
        ),
        (
            waha("message", &json!({"_data": {"id": {"remote": "1@c.us"}}})),
            "unknown_shape",
            "/payload/_data",
        ),
        (
            waha("message.revoked", &json!({"after": {"_data": no_chat}})),
            "missing_chat",
            "/payload/after/_data/key/remoteJid",
        ),
        (
            waha("message.reaction", &reaction),
            "missing_id",
            "/payload/reaction/messageId",
        ),
        (
            waha("poll.vote", &json!({"poll": {"id": "true_1@c.us_A"}})),
            "missing_id",
            "/payload/vote/id",
        ),
        (
            json!({"type": "Message", "event": {"Info": {"Chat": "1@lid"}}}),
            "missing_id",
            "/event/Info/ID",
        ),
        (
            json!({"type": "Message", "event": {}}),
            "missing_id",
            "/event/Info/ID",
        ),
    ] {
        assert_eq!(refused(&body), (code, Some(pointer.to_owned())), "{body}");
    }
}

#[test]
fn a_named_format_that_the_body_is_not_in_says_what_is_missing() {
    for (format, pointer) in [
        (Format::Evolution, "/event"),
        (Format::Waha, "/event"),
        (Format::Wuzapi, "/type"),
    ] {
        let body = web_message(&json!({"conversation": "hi"})).to_string();
        let request = Request {
            format: Some(format),
            body: body.as_bytes(),
            ..Request::default()
        };
        let error = parse(request).unwrap_err();
        assert_eq!(
            (error.code, error.pointer.as_deref()),
            ("unknown_shape", Some(pointer))
        );
    }
}

#[test]
fn newer_versions_events_are_ignored_under_their_gateways_name() {
    for (format, body) in [
        (Format::Evolution, evolution("messages.pinned", &json!({}))),
        (Format::Waha, waha("message.pinned", &json!({}))),
        (
            Format::Wuzapi,
            json!({"type": "MessagePinned", "event": {}}),
        ),
    ] {
        let body = body.to_string();
        let parsed = parse(Request {
            format: Some(format),
            body: body.as_bytes(),
            ..Request::default()
        });
        assert_eq!(parsed.unwrap().ignored, 1, "{body}");
    }
}

#[test]
fn a_forwarded_baileys_payload_is_baileys_whatever_stands_beside_it() {
    let upsert =
        json!({"messages": [web_message(&json!({"conversation": "hi"}))], "type": "notify"});
    let parsed = post(&evolution("messages.upsert", &upsert));
    assert_eq!((parsed.format, parsed.messages.len()), (Format::Baileys, 1));
}

#[test]
fn evolutions_quote_and_mentions_are_found_beside_the_message() {
    let mut data = web_message(&json!({"conversation": "yes"}));
    data["contextInfo"] = json!({"stanzaId": "QUOTED", "mentionedJid": ["1@c.us"],
        "quotedMessage": {"imageMessage": image()}});
    let parsed = post(&evolution("messages.upsert", &data));
    let content = received(&parsed);
    assert_eq!(content.text.as_deref(), Some("yes"));
    assert_eq!(content.quoted_id.as_deref(), Some("QUOTED"));
    assert_eq!(content.mentions, ["1@s.whatsapp.net"]);
    assert!(content.media.is_empty());
}

#[test]
fn what_evolution_added_to_a_message_is_no_part_of_it() {
    let mut data = web_message(
        &json!({"imageMessage": image(), "base64": "AAEC", "mediaUrl": "https://s3.example/x"}),
    );
    data["messageType"] = "imageMessage".into();
    let parsed = post(&evolution("messages.upsert", &data));
    assert_eq!(received(&parsed).media.len(), 1);
    assert_eq!(received(&parsed).media[0].fault, None);
}

#[test]
fn each_edit_that_evolution_tells_is_one_of_its_own() {
    let edit = |time: &Value| {
        let data = json!({"key": {"remoteJid": "5511999999999@s.whatsapp.net", "fromMe": true, "id": "T"},
            "type": "MESSAGE_EDIT", "editedMessage": {"conversation": "x"}, "timestampMs": time});
        post(&evolution("messages.edited", &data))
            .messages
            .remove(0)
            .key
            .id
    };
    let first = edit(&json!("1736935300000"));
    assert_eq!(
        first,
        edit(&json!({"low": 1_768_512_416, "high": 404, "unsigned": false}))
    );
    assert_ne!(first, edit(&json!(1_736_935_300_001_i64)));
    assert_ne!(first, "T");
    assert_eq!(edit(&Value::Null), "T-edit-2025-01-15T07:00:01Z");
}

#[test]
fn a_waha_message_without_content_is_a_placeholder_on_both_engines() {
    let mut stub = web_message(&Value::Null);
    stub["messageStubType"] = "CIPHERTEXT".into();
    assert_eq!(
        placeholder(&post(&waha("message.waiting", &json!({"_data": stub})))),
        "ciphertext"
    );
    let mut event = go_message(&Value::Null);
    event["IsUnavailable"] = true.into();
    assert_eq!(
        placeholder(&post(&waha("message", &json!({"_data": event})))),
        "unavailable"
    );
}

#[test]
fn a_reaction_of_waha_has_the_senders_of_its_id() {
    let reaction = |id: &str| {
        let payload = json!({"id": id, "reaction": {"text": "x", "messageId": "true_1@c.us_T"}});
        post(&waha("message.reaction", &payload)).messages.remove(0)
    };
    let direct = reaction("false_5511999999999@c.us_A");
    assert_eq!(direct.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!((direct.key.participant, direct.key.from_me), (None, false));
    let group = reaction("false_1203@g.us_A_5511999999999@c.us");
    assert_eq!(
        group.key.participant.as_deref(),
        Some("5511999999999@s.whatsapp.net")
    );
    assert!(reaction("true_5511999999999@c.us_A").key.from_me);
    assert!(matches!(direct.event, Event::Reaction { target, .. } if target == "T"));
}

#[test]
fn a_form_is_wuzapis_and_its_faults_are_told_as_in_the_form() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let event =
        json!({"type": "Message", "event": go_message(&json!({"conversation": "a+b & c"}))});
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "secret")
        .append_pair("jsonData", &event.to_string())
        .finish();
    let parsed = as_wuzapi(FORM, form.as_bytes()).unwrap();
    assert_eq!(parsed.format, Format::Wuzapi);
    assert_eq!(received(&parsed).text.as_deref(), Some("a+b & c"));
    for (body, code, pointer) in [
        (&b"token=x"[..], "unknown_shape", "/jsonData"),
        (b"", "unknown_shape", "/jsonData"),
        (b"{\"type\":\"Message\"}", "unknown_shape", "/jsonData"),
        (b"jsonData=%7B", "malformed_json", "/jsonData"),
        (b"jsonData={}", "unknown_shape", "/jsonData/type"),
        (
            b"jsonData={\"type\":\"Message\",\"event\":{}}",
            "missing_id",
            "/jsonData/event/Info/ID",
        ),
    ] {
        let error = as_wuzapi(FORM, body).unwrap_err();
        assert_eq!(
            (error.code, error.pointer.as_deref()),
            (code, Some(pointer))
        );
    }
}

#[test]
fn multipart_bodies_are_read_up_to_their_event_and_broken_ones_refused() {
    const TYPE: &str = "multipart/form-data; boundary=b0";
    let event = json!({"type": "Message", "event": go_message(&json!({"conversation": "hi"}))});
    let part = |name: &str, value: &str| {
        format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let whole = [
        part("file", "/tmp/x.jpg"),
        part("jsonData", &event.to_string()),
        "--b0--\r\n".to_owned(),
    ]
    .concat();
    let parsed = as_wuzapi(TYPE, whole.as_bytes()).unwrap();
    assert_eq!(received(&parsed).text.as_deref(), Some("hi"));
    let absent = [part("file", "/tmp/x.jpg"), "--b0--\r\n".to_owned()].concat();
    assert_eq!(
        as_wuzapi(TYPE, absent.as_bytes()).unwrap_err().code,
        "unknown_shape"
    );
    for (content_type, body) in [
        ("multipart/form-data", whole.as_str()),
        ("multipart/form-data; boundary=other", &whole),
        (TYPE, &whole[..whole.len() / 2]),
        (TYPE, ""),
        (TYPE, "{}"),
    ] {
        let error = as_wuzapi(content_type, body.as_bytes()).unwrap_err();
        assert_eq!(error.code, "malformed_form", "{content_type} {body}");
    }
}

#[test]
fn other_products_envelopes_are_none_of_these() {
    for body in [
        json!({"event": "message", "device_id": "d", "payload": {"id": "A", "chat_id": "1@s.whatsapp.net"}}),
        json!({"event": "message.received", "sessionId": "s", "data": {"id": "A"}}),
        json!({"event": "onmessage", "session": "s", "id": "A", "from": "1@c.us"}),
        json!({"event": "messages.upsert", "instance": "i", "data": {"key": {}}}),
        json!({"event": "order.paid", "session": "s", "payload": {}}),
        json!({"type": "Message", "data": {}}),
        json!({"type": "Invoice", "event": {}}),
    ] {
        assert_eq!(refused(&body).0, "unknown_shape", "{body}");
    }
}
