//! whatsmeow: its events as Go's `encoding/json` writes them, with messages in Go's or protobuf's
//! JSON. An event has no name of its own; it is known by its members.

use waproto::whatsapp as wa;

use super::baileys::{self, owned, seconds};
use super::json::Json;
use super::proto_json::{boolean, read as read_message};
use super::{Found, ParseError};
use crate::message::Envelope;
use crate::message::identity::has_participants;

/// Members that together are found in one kind of event that is no message.
const OTHER_EVENTS: [&[&str]; 17] = [
    &["MessageIDs", "Chat", "Type"],
    &["Codes"],
    &["Code", "Error"],
    &["ID", "Platform", "BusinessName"],
    &["From", "Unavailable", "LastSeen"],
    &["Chat", "Sender", "State", "Media"],
    &["OnConnect", "Reason"],
    &["JID", "Notify", "Timestamp"],
    &["JID", "PictureID"],
    &["JID", "OldPushName", "NewPushName"],
    &["JID", "Action", "FromFullSync"],
    &["JID", "Timestamp", "Status"],
    &["MessageID", "ChatID", "SenderID"],
    &["CallCreator", "CallID"],
    &["ErrorCount", "LastSuccess"],
    &["Index", "SyncActionValue"],
    &["Data", "Version"],
];

/// Whether a body is surely whatsmeow's.
pub(super) fn recognises(value: &Json<'_>) -> bool {
    match value {
        Json::List(list) => !list.is_empty() && list.iter().all(recognises),
        Json::Object(_) => is_message(value) || is_protojson(value) || is_other_event(value),
        _ => false,
    }
}

/// Reads one event or a list of them.
pub(super) fn read(value: &Json<'_>) -> Result<Found, ParseError> {
    read_at(value, "")
}

fn read_at(value: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    if let Json::List(list) = value {
        let mut found = Found::default();
        for (index, item) in list.iter().enumerate() {
            found.append(read_at(item, &format!("{at}/{index}"))?);
        }
        return Ok(found);
    }
    if value.get("Info").is_some_and(Json::is_object) {
        return message(value, at);
    }
    if value.get("key").is_some_and(Json::is_object) {
        return baileys::web_message(value, at);
    }
    // Connected, Disconnected and their like have no members at all.
    if is_other_event(value) || *value == Json::Object(Vec::new()) {
        return Ok(Found::ignored());
    }
    Err(ParseError::unknown_shape(at, "not an event of whatsmeow"))
}

/// One `events.Message` or `events.UndecryptableMessage`.
pub(super) fn message(value: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    let info = value.get("Info").unwrap_or(&Json::Null);
    let id = info
        .text_at("ID")
        .ok_or_else(|| ParseError::missing_id(format!("{at}/Info/ID")))?;
    let chat =
        jid(info, "Chat").ok_or_else(|| ParseError::missing_chat(format!("{at}/Info/Chat")))?;
    let from_me = info.get("IsFromMe").and_then(boolean).unwrap_or(false);
    let direct = !has_participants(&chat);
    let other = if from_me { "RecipientAlt" } else { "SenderAlt" };
    let envelope = Envelope {
        id: id.to_owned(),
        from_me,
        participant: jid(info, "Sender"),
        participant_alt: jid(info, "SenderAlt"),
        chat_alt: jid(info, other).filter(|_| direct),
        chat,
        timestamp: info.get("Timestamp").and_then(time),
        push_name: owned(info.text_at("PushName")),
        message: content(value).map(|content| Box::new(read_message::<wa::Message>(content))),
        placeholder: Some(reason(value)),
        view_once: is_view_once(value),
        fault: None,
    };
    Ok(Found::one(envelope))
}

/// The message stands in both members. `Message` has lost some of its wrappers, always in one
/// order, so the raw one is read, and only one of the two.
fn content<'j, 'a>(value: &'j Json<'a>) -> Option<&'j Json<'a>> {
    ["RawMessage", "Message"]
        .iter()
        .filter_map(|name| value.get(name))
        .find(|message| !message.members().is_empty())
}

fn reason(value: &Json<'_>) -> &'static str {
    let unavailable = value.get("IsUnavailable").and_then(boolean) == Some(true);
    match value.text_at("UnavailableType") {
        Some("view_once") => "view_once_unavailable",
        _ if unavailable => "unavailable",
        _ if value.get("DecryptFailMode").is_some() => "undecryptable",
        _ => "no_content",
    }
}

fn is_view_once(value: &Json<'_>) -> bool {
    ["IsViewOnce", "IsViewOnceV2", "IsViewOnceV2Extension"]
        .iter()
        .any(|name| value.get(name).and_then(boolean) == Some(true))
}

/// A JID as text, or as the struct that older versions write.
fn jid(info: &Json<'_>, name: &str) -> Option<String> {
    let value = info.get(name)?;
    match (value.text_at("User"), value.text_at("Server")) {
        (Some(user), Some(server)) => Some(format!("{user}@{server}")),
        _ => owned(value.text()),
    }
}

/// RFC 3339, as Go writes times, or a number.
fn time(value: &Json<'_>) -> Option<i64> {
    let parsed = value
        .text()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    parsed
        .map(jiff::Timestamp::as_second)
        .filter(|time| *time > 0)
        .or_else(|| seconds(value))
}

fn is_message(value: &Json<'_>) -> bool {
    value
        .get("Info")
        .is_some_and(|info| info.get("ID").is_some() || info.get("Chat").is_some())
}

/// A `WebMessageInfo` with the initialisms of Go's names.
pub(super) fn is_protojson(value: &Json<'_>) -> bool {
    value
        .get("key")
        .is_some_and(|key| key.get_exact("remoteJID").is_some() || key.get_exact("ID").is_some())
}

fn is_other_event(value: &Json<'_>) -> bool {
    OTHER_EVENTS
        .iter()
        .any(|members| members.iter().all(|name| has_member(value, name)))
}

fn has_member(value: &Json<'_>, name: &str) -> bool {
    value.members().iter().any(|(found, _)| found == name)
}
