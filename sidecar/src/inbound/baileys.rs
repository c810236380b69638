//! Baileys: `messages.upsert` payloads, with or without the event around them, and bare
//! `WebMessageInfo` JSON. `append` counts like `notify`: it is what arrived while the gateway was
//! away.

use waproto::whatsapp as wa;
use waproto::whatsapp::web_message_info::StubType;

use super::json::Json;
use super::proto_json::{boolean, enumeration, read as read_message};
use super::{Found, ParseError, number, whatsmeow};
use crate::message::Envelope;
use crate::message::identity::has_participants;

/// The event that carries messages.
const UPSERT: &str = "messages.upsert";

/// First parts of the names of Baileys' events.
const EVENT_FAMILIES: [&str; 17] = [
    "blocklist",
    "call",
    "chats",
    "connection",
    "contacts",
    "creds",
    "group",
    "group-participants",
    "groups",
    "labels",
    "lid-mapping",
    "message-receipt",
    "messages",
    "messaging-history",
    "newsletter",
    "presence",
    "settings",
];

/// Members that only other gateways' events have, whose event names are the same.
const FOREIGN: [&str; 5] = ["instance", "apikey", "server_url", "payload", "engine"];

/// Later times are milliseconds: as seconds they are past the year 5000.
const MAX_SECONDS: i64 = 100_000_000_000;

/// Whether a body is surely Baileys'.
pub(super) fn recognises(value: &Json<'_>) -> bool {
    match value {
        Json::List(list) => !list.is_empty() && list.iter().all(recognises),
        Json::Object(_) => {
            (is_web_message(value) && !whatsmeow::is_protojson(value))
                || is_upsert(value)
                || is_event(value)
                || is_event_map(value)
        }
        _ => false,
    }
}

/// Reads a body in any of Baileys' shapes.
pub(super) fn read(value: &Json<'_>) -> Result<Found, ParseError> {
    read_at(value, "")
}

fn read_at(value: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    if let Json::List(list) = value {
        return read_all(list, at, read_at);
    }
    if is_web_message(value) {
        return web_message(value, at);
    }
    if let Some(event) = value.get_exact("event").and_then(Json::text) {
        let data = value.get_exact("data").unwrap_or(&Json::Null);
        return read_event(event, data, &format!("{at}/data"));
    }
    if is_upsert(value) {
        return read_event(UPSERT, value, at);
    }
    if is_event_map(value) {
        let mut found = Found::default();
        for (event, data) in value.members() {
            let event_at = format!("{at}/{}", event.replace('~', "~0").replace('/', "~1"));
            found.append(read_event(event, data, &event_at)?);
        }
        return Ok(found);
    }
    Err(ParseError::unknown_shape(
        at,
        "neither a Baileys event nor a WebMessageInfo",
    ))
}

fn read_all(
    list: &[Json<'_>],
    at: &str,
    read: fn(&Json<'_>, &str) -> Result<Found, ParseError>,
) -> Result<Found, ParseError> {
    let mut found = Found::default();
    for (index, item) in list.iter().enumerate() {
        found.append(read(item, &format!("{at}/{index}"))?);
    }
    Ok(found)
}

fn read_event(event: &str, data: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    if event != UPSERT {
        return if is_event_name(event) {
            Ok(Found::ignored())
        } else {
            Err(ParseError::unknown_shape(at, "not an event of Baileys"))
        };
    }
    match (data, data.get_exact("messages")) {
        (_, Some(Json::List(list))) => read_all(list, &format!("{at}/messages"), web_message),
        (Json::List(list), _) => read_all(list, at, web_message),
        (data, None) if is_web_message(data) => web_message(data, at),
        _ => Err(ParseError::unknown_shape(
            format!("{at}/messages"),
            "messages is not a list",
        )),
    }
}

/// One `WebMessageInfo`, whatever its field names' casing.
pub(super) fn web_message(value: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    let key = value.get("key").unwrap_or(&Json::Null);
    let id = key
        .text_at("id")
        .ok_or_else(|| ParseError::missing_id(format!("{at}/key/id")))?;
    let chat = key
        .text_at("remoteJid")
        .ok_or_else(|| ParseError::missing_chat(format!("{at}/key/remoteJid")))?;
    let message = value
        .get("message")
        .filter(|message| !message.members().is_empty());
    let stub = value
        .get("messageStubType")
        .and_then(enumeration::<StubType>)
        .filter(|stub| *stub != StubType::UNKNOWN);
    if message.is_none() && stub.is_some_and(|stub| stub != StubType::CIPHERTEXT) {
        return Ok(Found::ignored());
    }
    let mut envelope = Envelope {
        id: id.to_owned(),
        chat: chat.to_owned(),
        timestamp: value.get("messageTimestamp").and_then(seconds),
        push_name: text_of(value, &["pushName", "verifiedBizName"]),
        message: message.map(|message| Box::new(read_message::<wa::Message>(message))),
        placeholder: stub.map(|_| cipher_reason(key)),
        ..Envelope::default()
    };
    name_parties(&mut envelope, key, value);
    Ok(Found::one(envelope))
}

fn name_parties(envelope: &mut Envelope, key: &Json<'_>, value: &Json<'_>) {
    let first = |names: &[&str]| text_of(key, names);
    envelope.from_me = key.get("fromMe").and_then(boolean).unwrap_or(false);
    envelope.participant = first(&["participant"]).or_else(|| text_of(value, &["participant"]));
    envelope.participant_alt = first(&["participantPn", "participantAlt", "participantLid"]);
    envelope.chat_alt = first(&["remoteJidAlt"]);
    // `senderPn` is the chat's number in a direct chat, unless the session itself is the sender.
    let sender = first(&["senderPn", "senderLid"]);
    if has_participants(&envelope.chat) {
        envelope.participant_alt = envelope.participant_alt.take().or(sender);
    } else if !envelope.from_me {
        envelope.chat_alt = envelope.chat_alt.take().or(sender);
    }
}

fn cipher_reason(key: &Json<'_>) -> &'static str {
    match key.get("isViewOnce").and_then(boolean) {
        Some(true) => "view_once_unavailable",
        _ => "ciphertext",
    }
}

/// Unix seconds of a number in any rendering; milliseconds are recognised by their size.
pub(super) fn seconds(value: &Json<'_>) -> Option<i64> {
    let time = number::signed(value).filter(|time| *time > 0)?;
    Some(if time > MAX_SECONDS {
        time / 1000
    } else {
        time
    })
}

pub(super) fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn text_of(value: &Json<'_>, names: &[&str]) -> Option<String> {
    owned(names.iter().find_map(|name| value.text_at(name)))
}

fn is_web_message(value: &Json<'_>) -> bool {
    value.get("key").is_some_and(|key| {
        key.is_object()
            && ["id", "remoteJid", "fromMe"]
                .iter()
                .any(|name| key.get(name).is_some())
    })
}

fn is_upsert(value: &Json<'_>) -> bool {
    let Some(Json::List(messages)) = value.get_exact("messages") else {
        return false;
    };
    let kind = value.get_exact("type").and_then(Json::text);
    matches!(kind, Some("notify" | "append"))
        || (!messages.is_empty() && messages.iter().all(is_web_message))
}

fn is_event(value: &Json<'_>) -> bool {
    let Some(data) = value.get_exact("data") else {
        return false;
    };
    let named = value
        .get_exact("event")
        .and_then(Json::text)
        .is_some_and(is_event_name);
    let foreign = FOREIGN.iter().any(|name| value.get_exact(name).is_some());
    named && (!foreign || is_upsert(data))
}

fn is_event_map(value: &Json<'_>) -> bool {
    let members = value.members();
    !members.is_empty() && members.iter().all(|(name, _)| is_event_name(name))
}

fn is_event_name(name: &str) -> bool {
    let family = name.split('.').next().unwrap_or(name);
    EVENT_FAMILIES.contains(&family) && (name.contains('.') || name == "call")
}
