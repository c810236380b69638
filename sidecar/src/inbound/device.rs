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
