//! Whatever is posted, there is an answer and no panic.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

use super::super::{Format, Query, Request, parse};
use super::image;

const NAMES: [&str; 40] = [
    "event",
    "data",
    "messages",
    "type",
    "key",
    "id",
    "ID",
    "remoteJid",
    "remoteJID",
    "fromMe",
    "participant",
    "message",
    "Message",
    "RawMessage",
    "Info",
    "Chat",
    "Sender",
    "Timestamp",
    "messageTimestamp",
    "messageStubType",
    "imageMessage",
    "ephemeralMessage",
    "viewOnceMessageV2",
    "protocolMessage",
    "editedMessage",
    "interactiveMessage",
    "InteractiveMessage",
    "carouselMessage",
    "cards",
    "header",
    "Media",
    "ImageMessage",
    "mediaKey",
    "fileSha256",
    "fileLength",
    "directPath",
    "low",
    "high",
    "0",
    "1",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        prop::sample::select(vec![
            json!("messages.upsert"),
            json!("notify"),
            json!("1@s.whatsapp.net"),
            json!("REVOKE"),
            json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            json!({"type": "Buffer", "data": [1]}),
            image(),
        ]),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(8, 64, 6, |inner| {
        let member = (prop::sample::select(NAMES.to_vec()), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(member, 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

fn format() -> impl Strategy<Value = Option<Format>> {
    prop::option::of(prop::sample::select(Format::ALL.to_vec()))
}

fn answer(format: Option<Format>, content_type: Option<&str>, body: &[u8]) {
    let result = parse(Request {
        content_type,
        format,
        query: Query {
            message_id: Some("A".into()),
            chat: Some("1@s.whatsapp.net".into()),
            ..Query::default()
        },
        body,
    });
    if let Ok(parsed) = result {
        let named = |key: &crate::message::MessageKey| !key.id.is_empty() && !key.chat.is_empty();
        assert!(parsed.messages.iter().all(|message| named(&message.key)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_have_an_answer(
        format in format(),
        protobuf in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        answer(format, protobuf.then_some("application/x-protobuf"), &body);
    }

    #[test]
    fn any_json_has_an_answer(format in format(), value in value()) {
        answer(format, None, value.to_string().as_bytes());
    }

    #[test]
    fn any_message_in_any_envelope_has_an_answer(message in value(), key in value()) {
        for body in [
            json!({"key": {"id": "A", "remoteJid": "1@g.us", "participant": key}, "message": message}),
            json!({"Info": {"ID": "A", "Chat": "1@g.us", "Timestamp": key}, "Message": message}),
        ] {
            answer(None, None, body.to_string().as_bytes());
        }
    }
}
