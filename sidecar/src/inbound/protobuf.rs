//! Raw protobuf: a `WebMessageInfo`, or a bare `Message` whose identity is in the query.

use waproto::buffa::{DecodeError, Message as _};
use waproto::codec;
use waproto::whatsapp as wa;
use waproto::whatsapp::web_message_info::StubType;

use super::{Format, Found, ParseError, Query, wire};
use crate::message::Envelope;

/// `WebMessageInfo.message`.
const MESSAGE_FIELD: u64 = 2;
/// Deepest nesting that is decoded. Sixteen wrappers take half of it.
const MAX_NESTING: usize = 64;

/// Reads a protobuf body of either kind. An id or chat in the query stands for a bare message;
/// guessing by the first field alone would let a text choose its chat.
pub(super) fn detected(body: &[u8], query: Query) -> Result<(Format, Found), ParseError> {
    if query.message_id.is_some() || query.chat.is_some() {
        return Ok((Format::ProtobufMessage, message(body, query)?));
    }
    Ok((Format::ProtobufWebMessageInfo, web_message(body)?))
}

/// A bare `Message`.
pub(super) fn message(body: &[u8], query: Query) -> Result<Found, ParseError> {
    let Query {
        message_id,
        chat,
        participant,
        from_me,
        timestamp,
    } = query;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let mut envelope = Envelope {
        id: given(message_id).ok_or_else(|| ParseError::missing_id("/messageId"))?,
        chat: given(chat).ok_or_else(|| ParseError::missing_chat("/chat"))?,
        participant: given(participant),
        from_me: from_me.unwrap_or(false),
        timestamp,
        ..Envelope::default()
    };
    if body.is_empty() {
        return Err(malformed(&DecodeError::UnexpectedEof));
    }
    match decode(body, codec::message_decode) {
        Ok(message) => envelope.message = Some(Box::new(message)),
        Err(error) => envelope.fault = Some(senders_fault(&error)?),
    }
    Ok(Found::one(envelope))
}

/// A `WebMessageInfo`. If only what its sender wrote can't be decoded, the rest still counts.
pub(super) fn web_message(body: &[u8]) -> Result<Found, ParseError> {
    if body.is_empty() {
        return Err(malformed(&DecodeError::UnexpectedEof));
    }
    match decode(body, codec::web_message_info_decode) {
        Ok(info) => found(info, None),
        Err(error) => {
            let fault = senders_fault(&error)?;
            let rest = without_message(body).ok_or_else(|| malformed(&error))?;
            let info =
                decode(&rest, codec::web_message_info_decode).map_err(|error| malformed(&error))?;
            found(info, Some(fault))
        }
    }
}

fn found(info: wa::WebMessageInfo, fault: Option<String>) -> Result<Found, ParseError> {
    let wa::WebMessageInfo {
        key,
        message,
        message_timestamp,
        participant,
        push_name,
        verified_biz_name,
        message_stub_type,
        ..
    } = info;
    let key = key.into_option().unwrap_or_default();
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let stub = message_stub_type.filter(|stub| *stub != StubType::UNKNOWN);
    let message = message
        .into_option()
        .filter(|message| message.encoded_len() > 0);
    let envelope = Envelope {
        id: given(key.id).ok_or_else(|| ParseError::missing_id("/key/id"))?,
        chat: given(key.remote_jid).ok_or_else(|| ParseError::missing_chat("/key/remoteJid"))?,
        from_me: key.from_me == Some(true),
        participant: given(key.participant).or_else(|| given(participant)),
        timestamp: message_timestamp
            .and_then(|time| i64::try_from(time).ok())
            .filter(|time| *time > 0),
        push_name: given(push_name).or_else(|| given(verified_biz_name)),
        message: message.map(Box::new),
        placeholder: stub.map(|_| "ciphertext"),
        fault,
        ..Envelope::default()
    };
    let housekeeping = envelope.message.is_none()
        && envelope.fault.is_none()
        && stub.is_some_and(|stub| stub != StubType::CIPHERTEXT);
    Ok(if housekeeping {
        Found::ignored()
    } else {
        Found::one(envelope)
    })
}

/// What the sender, not the gateway, is to blame for: gateways re-encode what they were sent
/// without looking at its depth or its texts.
pub(super) fn senders_fault(error: &DecodeError) -> Result<String, ParseError> {
    match error {
        DecodeError::RecursionLimitExceeded => Ok("message nests too deep".to_owned()),
        DecodeError::InvalidUtf8 => Ok("message has a text that is not UTF-8".to_owned()),
        DecodeError::ElementMemoryLimitExceeded | DecodeError::UnknownFieldLimitExceeded => {
            Ok("message has too many parts".to_owned())
        }
        other => Err(malformed(other)),
    }
}

fn malformed(error: &DecodeError) -> ParseError {
    ParseError::new(
        "malformed_protobuf",
        format!("the body is not protobuf: {error}"),
    )
}

/// Decodes a body unless it may nest so deep that decoding it could exhaust the stack; the
/// decoder's own limit of 100 levels takes more than a megabyte of it in a debug build.
pub(super) fn decode<T>(
    body: &[u8],
    decode: fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    if wire::nests_deeper(body, MAX_NESTING) {
        return Err(DecodeError::RecursionLimitExceeded);
    }
    decode(body)
}

/// The top-level fields of a `WebMessageInfo` except the message; `None` when their framing is
/// broken.
fn without_message(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = body;
    let mut kept = Vec::new();
    while !rest.is_empty() {
        let field = wire::next(&mut rest)?;
        if field.number != MESSAGE_FIELD {
            kept.extend_from_slice(field.whole);
        }
    }
    Some(kept)
}
