//! Raw protobuf bodies.

use waproto::buffa::Message as _;
use waproto::whatsapp as wa;
use waproto::whatsapp::message as m;
use waproto::whatsapp::web_message_info::StubType;

use super::super::{Format, ParseError, Parsed, Query, Request, parse};
use super::{placeholder, received};
use crate::message::Event;

fn message() -> wa::Message {
    wa::Message {
        image_message: m::ImageMessage {
            media_key: Some(vec![1; 32]),
            file_sha256: Some(vec![2; 32]),
            direct_path: Some("/v/t62".into()),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    }
}

fn web_message(message: wa::Message) -> wa::WebMessageInfo {
    wa::WebMessageInfo {
        key: wa::MessageKey {
            remote_jid: Some("120363025246125486@g.us".into()),
            id: Some("3EB0C431C26A1916E07A".into()),
            ..Default::default()
        }
        .into(),
        participant: Some("5511999999999:2@s.whatsapp.net".into()),
        message: message.into(),
        message_timestamp: Some(1_736_937_000),
        push_name: Some("John Doe".into()),
        ..Default::default()
    }
}

fn post(body: &[u8], format: Option<Format>, query: Query) -> Result<Parsed, ParseError> {
    parse(Request {
        content_type: Some("application/x-protobuf"),
        format,
        query,
        body,
    })
}

fn query() -> Query {
    Query {
        message_id: Some("ABC".into()),
        chat: Some("5511999999999@c.us".into()),
        ..Query::default()
    }
}

#[test]
fn a_web_message_is_understood() {
    let body = web_message(message()).encode_to_vec();
    for format in [None, Some(Format::ProtobufWebMessageInfo)] {
        let parsed = post(&body, format, Query::default()).unwrap();
        assert_eq!(parsed.format, Format::ProtobufWebMessageInfo);
        let incoming = &parsed.messages[0];
        assert_eq!(incoming.key.id, "3EB0C431C26A1916E07A");
        assert_eq!(
            incoming.key.participant.as_deref(),
            Some("5511999999999@s.whatsapp.net")
        );
        assert_eq!(incoming.timestamp, Some(1_736_937_000));
        assert_eq!(incoming.push_name.as_deref(), Some("John Doe"));
        assert_eq!(received(&parsed).media[0].fault, None);
    }
}

#[test]
fn a_bare_message_takes_its_identity_from_the_query() {
    for format in [None, Some(Format::ProtobufMessage)] {
        let query = Query {
            from_me: Some(true),
            timestamp: Some(5),
            ..query()
        };
        let parsed = post(&message().encode_to_vec(), format, query).unwrap();
        assert_eq!(parsed.format, Format::ProtobufMessage);
        let incoming = &parsed.messages[0];
        assert_eq!(
            (incoming.key.id.as_str(), incoming.key.from_me),
            ("ABC", true)
        );
        assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
        assert_eq!(incoming.timestamp, Some(5));
        assert_eq!(received(&parsed).media.len(), 1);
    }
}

#[test]
fn a_bare_message_without_identity_is_refused() {
    let body = message().encode_to_vec();
    let code = |query| {
        post(&body, Some(Format::ProtobufMessage), query)
            .unwrap_err()
            .code
    };
    assert_eq!(code(Query::default()), "missing_id");
    assert_eq!(
        code(Query {
            chat: None,
            ..query()
        }),
        "missing_chat"
    );
    assert_eq!(
        code(Query {
            message_id: Some(String::new()),
            ..query()
        }),
        "missing_id"
    );
    // Without a format and without a query it can only be a WebMessageInfo, which has a key.
    assert!(post(&body, None, Query::default()).is_err());
}

#[test]
fn a_text_that_looks_like_a_key_does_not_choose_its_chat() {
    let forged = wa::MessageKey {
        remote_jid: Some("victim@s.whatsapp.net".into()),
        id: Some("X".into()),
        ..Default::default()
    };
    let text = String::from_utf8(forged.encode_to_vec()).unwrap();
    let body = wa::Message {
        conversation: Some(text),
        ..Default::default()
    };
    let parsed = post(&body.encode_to_vec(), None, query()).unwrap();
    assert_eq!(parsed.messages[0].key.chat, "5511999999999@s.whatsapp.net");
    assert!(received(&parsed).text.is_some());
}

#[test]
fn stubs_are_placeholders_or_ignored() {
    let stub = |kind| {
        let info = wa::WebMessageInfo {
            message: None.into(),
            message_stub_type: Some(kind),
            ..web_message(wa::Message::default())
        };
        post(&info.encode_to_vec(), None, Query::default()).unwrap()
    };
    assert_eq!(placeholder(&stub(StubType::CIPHERTEXT)), "ciphertext");
    let notice = stub(StubType::GROUP_PARTICIPANT_ADD);
    assert_eq!((notice.messages.len(), notice.ignored), (0, 1));
}

#[test]
fn broken_bytes_and_missing_keys_are_refused() {
    let code = |body: &[u8]| post(body, None, Query::default()).unwrap_err().code;
    assert_eq!(code(b"\xff\xff\xff"), "malformed_protobuf");
    assert_eq!(code(b"{\"key\":{}}"), "malformed_protobuf");
    let whole = web_message(message()).encode_to_vec();
    assert_eq!(code(&whole[..whole.len() - 3]), "malformed_protobuf");
    assert_eq!(code(b""), "malformed_protobuf");
    let mut keyless = web_message(message());
    keyless.key.modify(|key| key.id = None);
    assert_eq!(code(&keyless.encode_to_vec()), "missing_id");
    keyless
        .key
        .modify(|key| (key.id, key.remote_jid) = (Some("A".into()), None));
    assert_eq!(code(&keyless.encode_to_vec()), "missing_chat");
}

#[test]
fn a_text_that_is_not_utf8_is_the_senders_fault() {
    // WebMessageInfo.message = Message { conversation: FF FE }.
    let mut body = web_message(wa::Message::default());
    body.message = None.into();
    let mut bytes = body.encode_to_vec();
    bytes.extend_from_slice(&[0x12, 0x04, 0x0a, 0x02, 0xff, 0xfe]);
    let parsed = post(&bytes, None, Query::default()).unwrap();
    assert_eq!(parsed.messages[0].key.id, "3EB0C431C26A1916E07A");
    match &parsed.messages[0].event {
        Event::Received(content) => assert!(content.fault.as_ref().unwrap().contains("UTF-8")),
        other => panic!("{other:?}"),
    }
}
