//! Evolution API: its own envelope around Baileys' message. Its renderings of bytes and lengths
//! differ by version; edits and deletions come as events that no longer carry a message.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as Protocol;

use super::baileys::{self, owned, seconds};
use super::json::Json;
use super::proto_json::{boolean, read as read_message};
use super::{Found, ParseError, number};
use crate::message::Envelope;
use crate::message::identity::{has_participants, lid_of, normalise_jid};

/// Members of which at least one stands beside `event`, `instance` and `data` in every version.
const MARKS: [&str; 5] = ["apikey", "date_time", "destination", "sender", "server_url"];

/// Whether a body is surely Evolution API's.
pub(super) fn recognises(value: &Json<'_>) -> bool {
    let text = |name| value.get_exact(name).and_then(Json::text).is_some();
    let marked = MARKS.iter().any(|name| value.get_exact(name).is_some());
    // A list of messages is Baileys' own payload, forwarded in an envelope of somebody's making.
    let own = value
        .get_exact("data")
        .is_none_or(|data| data.get_exact("messages").is_none());
    text("event") && text("instance") && marked && own
}

/// Reads one event.
pub(super) fn read(value: &Json<'_>) -> Result<Found, ParseError> {
    let event = value
        .get_exact("event")
        .and_then(Json::text)
        .ok_or_else(|| ParseError::unknown_shape("/event", "an event of Evolution has a name"))?;
    let data = value.get_exact("data").unwrap_or(&Json::Null);
    match event {
        "messages.upsert" | "send.message" => messages(data),
        "messages.edited" => edited(value, data),
        "send.message.update" => edit(value, data, true),
        "messages.delete" => deleted(data),
        _ => Ok(Found::ignored()),
    }
}

fn messages(data: &Json<'_>) -> Result<Found, ParseError> {
    let Json::List(list) = data else {
        return message(data, "/data");
    };
    let mut found = Found::default();
    for (index, item) in list.iter().enumerate() {
        found.append(message(item, &format!("/data/{index}"))?);
    }
    Ok(found)
}

/// Baileys' message, but for two things that Evolution takes apart: a long text is a short one, and
/// what it answers or mentions stands beside the message.
fn message(data: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    let mut found = baileys::web_message(data, at)?;
    let context = data.get_exact("contextInfo").filter(|it| it.is_object());
    let message = found
        .envelopes
        .first_mut()
        .and_then(|it| it.message.as_mut());
    if let (Some(context), Some(message)) = (context, message)
        && let Some(text) = message.conversation.take()
    {
        message.extended_text_message = MessageField::some(wa::message::ExtendedTextMessage {
            text: Some(text),
            context_info: MessageField::some(read_message(context)),
            ..wa::message::ExtendedTextMessage::default()
        });
    }
    Ok(found)
}

/// An edit comes with the key that its *sender* wrote: `fromMe` is always true, and in a direct
/// chat `remoteJid` is whom the sender wrote to. So an edit by the other side names this account
/// as its chat, and nothing in the event names the other side: that is not an event that can be
/// told to anyone. Nor is one under a LID, which may be either side's.
fn edited(value: &Json<'_>, data: &Json<'_>) -> Result<Found, ParseError> {
    let own = value.text_at("sender").map(normalise_jid);
    let key = data.get_exact("key").unwrap_or(&Json::Null);
    let chat = key.text_at("remoteJid").map(normalise_jid);
    let hidden = chat.as_ref().is_some_and(|chat| lid_of(chat).is_some());
    if chat.is_some() && (hidden || chat == own) {
        return Ok(Found::ignored());
    }
    let participant = key.text_at("participant").map(normalise_jid);
    let group = chat.as_deref().is_some_and(has_participants);
    edit(
        value,
        data,
        !group || (participant.is_some() && participant == own),
    )
}

fn edit(value: &Json<'_>, data: &Json<'_>, from_me: bool) -> Result<Found, ParseError> {
    let protocol: wa::message::ProtocolMessage = read_message(data);
    // Every protocol message comes as an edit; a deletion is told by its own event.
    if protocol.r#type != Some(Protocol::MESSAGE_EDIT) {
        return Ok(Found::ignored());
    }
    let mut envelope = derived(data.get_exact("key"), "/data/key", "edit")?;
    let time = data.get("timestampMs").and_then(number::signed);
    let time = time.map(|time| time.to_string());
    // Each edit of a message is one of its own; a redelivery has the same time.
    if let Some(time) = time.or_else(|| owned(value.text_at("date_time"))) {
        envelope.id = format!("{}-{time}", envelope.id);
    }
    envelope.from_me = from_me;
    envelope.timestamp = data.get("timestampMs").and_then(seconds);
    envelope.message = Some(Box::new(wa::Message {
        protocol_message: MessageField::some(protocol),
        ..wa::Message::default()
    }));
    Ok(Found::one(envelope))
}

/// The key of a deleted message, alone or in Evolution's record of it.
fn deleted(data: &Json<'_>) -> Result<Found, ParseError> {
    let (key, at) = match data.get_exact("key").filter(|key| key.is_object()) {
        Some(key) => (key, "/data/key"),
        None => (data, "/data"),
    };
    let mut envelope = derived(Some(key), at, "revoke")?;
    envelope.message = Some(Box::new(wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            key: MessageField::some(read_message(key)),
            r#type: Some(Protocol::REVOKE),
            ..wa::message::ProtocolMessage::default()
        }),
        ..wa::Message::default()
    }));
    Ok(Found::one(envelope))
}

/// An envelope for what happened to the message of `key`. Its own id is not in the event: the id
/// of the message and what happened stand for it.
fn derived(key: Option<&Json<'_>>, at: &str, what: &str) -> Result<Envelope, ParseError> {
    let key = key.unwrap_or(&Json::Null);
    let id = key
        .text_at("id")
        .ok_or_else(|| ParseError::missing_id(format!("{at}/id")))?;
    let chat = key
        .text_at("remoteJid")
        .ok_or_else(|| ParseError::missing_chat(format!("{at}/remoteJid")))?;
    Ok(Envelope {
        id: format!("{id}-{what}"),
        chat: chat.to_owned(),
        chat_alt: owned(key.text_at("remoteJidAlt")),
        from_me: key.get("fromMe").and_then(boolean).unwrap_or(false),
        participant: owned(key.text_at("participant")),
        participant_alt: owned(key.text_at("participantAlt")),
        ..Envelope::default()
    })
}
