//! What the session's own linked device posts: `titan-whatsapp`'s messages, protobuf in an envelope of
//! JSON (`whatsapp/README.md`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use waproto::buffa::DecodeError;
use waproto::codec;
use waproto::whatsapp as wa;

use super::protobuf::{decode, senders_fault};
use super::{Found, ParseError};
use crate::message::Envelope;
use crate::message::identity::has_participants;

#[derive(Deserialize)]
struct Body {
    messages: Vec<Delivered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    id: String,
    chat: String,
    sender: String,
    #[serde(default)]
    sender_alt: Option<String>,
    from_me: bool,
    timestamp: i64,
    #[serde(default)]
    push_name: String,
    /// The protobuf `Message`, base64.
    message: String,
}

/// Reads one call. A message that can't be decoded is its sender's fault: refused, it would come again
/// for ever and hold up all that follow.
pub(super) fn read(body: &[u8]) -> Result<Found, ParseError> {
    let Body { messages } = serde_json::from_slice(body)
        .map_err(|error| ParseError::new("malformed_json", format!("not JSON: {error}")))?;
    Ok(Found {
        envelopes: messages.into_iter().map(envelope).collect(),
        ignored: 0,
    })
}

fn envelope(delivered: Delivered) -> Envelope {
    let Delivered {
        id,
        chat,
        sender,
        sender_alt,
        from_me,
        timestamp,
        push_name,
        message,
    } = delivered;
    let (message, fault) = match content(&message) {
        Ok(message) => (Some(Box::new(message)), None),
        Err(fault) => (None, Some(fault)),
    };
    Envelope {
        id,
        from_me,
        participant: Some(sender),
        chat_alt: sender_alt
            .clone()
            .filter(|_| !from_me && !has_participants(&chat)),
        participant_alt: sender_alt,
        chat,
        timestamp: Some(timestamp).filter(|time| *time > 0),
        push_name: Some(push_name),
        message,
        fault,
        ..Envelope::default()
    }
}

fn content(message: &str) -> Result<wa::Message, String> {
    let bytes = STANDARD
        .decode(message)
        .map_err(|_| "message is not base64".to_owned())?;
    decode(&bytes, codec::message_decode)
        .map_err(|error: DecodeError| senders_fault(&error).unwrap_or_else(|error| error.message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::{Event, understand};

    fn delivered(message: &str) -> serde_json::Value {
        json!({
            "id": "3EB0A", "chat": "1203@g.us", "sender": "111:3@lid",
            "senderAlt": "4917@s.whatsapp.net", "fromMe": false, "isGroup": true,
            "timestamp": 1_790_000_000, "pushName": "Ann", "offline": true, "message": message,
        })
    }

    fn read_one(message: &str) -> crate::message::Incoming {
        let body = json!({"messages": [delivered(message)]}).to_string();
        let mut envelopes = read(body.as_bytes()).unwrap().envelopes;
        assert_eq!(envelopes.len(), 1);
        understand(envelopes.remove(0)).unwrap()
    }

    #[test]
    fn a_group_message_has_its_chat_its_sender_and_its_words() {
        let message = wa::Message {
            conversation: Some("hello".to_owned()),
            ..wa::Message::default()
        };
        let incoming = read_one(&STANDARD.encode(codec::message_to_vec(&message)));
        assert_eq!(incoming.key.chat, "1203@g.us");
        assert_eq!(
            incoming.key.participant.as_deref(),
            Some("4917@s.whatsapp.net")
        );
        assert_eq!(incoming.timestamp, Some(1_790_000_000));
        let Event::Received(content) = incoming.event else {
            panic!("{incoming:?}");
        };
        assert_eq!(content.text.as_deref(), Some("hello"));
    }

    #[test]
    fn a_message_that_cannot_be_read_is_taken_as_its_senders_fault() {
        for broken in ["not base64!", &STANDARD.encode([0xff; 9])] {
            let Event::Received(content) = read_one(broken).event else {
                panic!("{broken}");
            };
            assert!(content.fault.is_some(), "{broken}");
        }
    }

    #[test]
    fn what_is_no_call_of_the_program_is_refused() {
        assert!(read(b"[]").is_err());
        assert!(read(b"{\"messages\": [{}]}").is_err());
    }
}
