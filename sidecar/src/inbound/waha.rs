//! WAHA: one envelope around two engines. NOWEB hands on Baileys' message and GOWS whatsmeow's
//! event, both as `_data`; reactions and votes come without it, under ids that WAHA made.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as Protocol;

use super::baileys::{self, owned, seconds};
use super::json::Json;
use super::proto_json::boolean;
use super::{Found, ParseError, whatsmeow};
use crate::message::Envelope;

/// First parts of the names of WAHA's events.
const EVENT_FAMILIES: [&str; 11] = [
    "call", "chat", "contact", "engine", "event", "group", "label", "message", "poll", "presence",
    "session",
];

/// Whether a body is surely WAHA's.
pub(super) fn recognises(value: &Json<'_>) -> bool {
    let text = |name| value.get_exact(name).and_then(Json::text);
    let named = text("event").is_some_and(|event| {
        let family = event.split('.').next().unwrap_or(event);
        EVENT_FAMILIES.contains(&family) || event == "state.change"
    });
    named && text("session").is_some() && value.get_exact("payload").is_some_and(Json::is_object)
}

/// Reads one event.
pub(super) fn read(value: &Json<'_>) -> Result<Found, ParseError> {
    let event = value
        .get_exact("event")
        .and_then(Json::text)
        .ok_or_else(|| ParseError::unknown_shape("/event", "an event of WAHA has a name"))?;
    let payload = value.get_exact("payload").unwrap_or(&Json::Null);
    match event {
        "message" | "message.any" | "message.waiting" => engines_message(payload, "/payload"),
        "message.edited" => edited(payload),
        "message.revoked" => revoked(payload),
        "message.reaction" => reaction(payload),
        // The choice is not handed on, so one that WAHA could not decrypt is a vote like any other.
        "poll.vote" | "poll.vote.failed" => vote(payload),
        _ => Ok(Found::ignored()),
    }
}

/// The message as the engine has it.
fn engines_message(payload: &Json<'_>, at: &str) -> Result<Found, ParseError> {
    let data = payload.get_exact("_data").unwrap_or(&Json::Null);
    let at = format!("{at}/_data");
    if data.get_exact("Info").is_some_and(Json::is_object) {
        return whatsmeow::message(data, &at);
    }
    if data.get_exact("key").is_some_and(Json::is_object) {
        return baileys::web_message(data, &at);
    }
    Err(ParseError::unknown_shape(
        at,
        "not a message of WAHA's engines NOWEB or GOWS",
    ))
}

/// Newer phones encrypt an edit once more. WAHA opens it, and only its own members tell the text.
fn edited(payload: &Json<'_>) -> Result<Found, ParseError> {
    let mut found = engines_message(payload, "/payload")?;
    let target = owned(payload.text_at("editedMessageId"));
    let text = owned(payload.text_at("body"));
    for message in found
        .envelopes
        .iter_mut()
        .filter_map(|it| it.message.as_mut())
    {
        if let (true, Some(target), Some(text)) =
            (message.secret_encrypted_message.is_set(), &target, &text)
        {
            **message = edit(target.clone(), text.clone());
        }
    }
    Ok(found)
}

fn edit(target: String, text: String) -> wa::Message {
    wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            key: key_of(target),
            r#type: Some(Protocol::MESSAGE_EDIT),
            edited_message: MessageField::some(wa::Message {
                conversation: Some(text),
                ..wa::Message::default()
            }),
            ..wa::message::ProtocolMessage::default()
        }),
        ..wa::Message::default()
    }
}

/// The engine's message stands beside the two messages that WAHA made of it, or in the later one.
fn revoked(payload: &Json<'_>) -> Result<Found, ParseError> {
    match payload.get_exact("after") {
        Some(after) if payload.get_exact("_data").is_none() => {
            engines_message(after, "/payload/after")
        }
        _ => engines_message(payload, "/payload"),
    }
}

fn reaction(payload: &Json<'_>) -> Result<Found, ParseError> {
    let reaction = payload.get_exact("reaction").unwrap_or(&Json::Null);
    let target = Id::read(reaction, "messageId", "/payload/reaction")?;
    let mut envelope = Id::read(payload, "id", "/payload")?.envelope(payload);
    envelope.message = Some(Box::new(wa::Message {
        reaction_message: MessageField::some(wa::message::ReactionMessage {
            key: key_of(target.message),
            // Absent where the reaction was taken back.
            text: owned(reaction.text_at("text")),
            ..wa::message::ReactionMessage::default()
        }),
        ..wa::Message::default()
    }));
    Ok(Found::one(envelope))
}

fn vote(payload: &Json<'_>) -> Result<Found, ParseError> {
    let member = |name| payload.get_exact(name).unwrap_or(&Json::Null);
    let poll = Id::read(member("poll"), "id", "/payload/poll")?;
    let vote = member("vote");
    let mut envelope = Id::read(vote, "id", "/payload/vote")?.envelope(vote);
    envelope.message = Some(Box::new(wa::Message {
        poll_update_message: MessageField::some(wa::message::PollUpdateMessage {
            poll_creation_message_key: key_of(poll.message),
            ..wa::message::PollUpdateMessage::default()
        }),
        ..wa::Message::default()
    }));
    Ok(Found::one(envelope))
}

fn key_of(message: String) -> MessageField<wa::MessageKey> {
    MessageField::some(wa::MessageKey {
        id: Some(message),
        ..wa::MessageKey::default()
    })
}

/// WAHA's own id of a message: `false_5511999999999@c.us_3EB0…`, in groups with `_` and the sender.
struct Id {
    from_me: bool,
    chat: String,
    message: String,
    participant: Option<String>,
}

// === impl Id ===

impl Id {
    fn read(value: &Json<'_>, name: &str, at: &str) -> Result<Self, ParseError> {
        let missing = || ParseError::missing_id(format!("{at}/{name}"));
        Self::parse(value.text_at(name).ok_or_else(missing)?).ok_or_else(missing)
    }

    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.splitn(4, '_');
        let from_me = parts.next()?.parse().ok()?;
        let mut named = || parts.next().filter(|part| !part.is_empty());
        Some(Self {
            from_me,
            chat: named()?.to_owned(),
            message: named()?.to_owned(),
            participant: owned(named()),
        })
    }

    /// An envelope without a message; `payload` tells what the id does not.
    fn envelope(self, payload: &Json<'_>) -> Envelope {
        Envelope {
            id: self.message,
            from_me: payload
                .get_exact("fromMe")
                .and_then(boolean)
                .unwrap_or(self.from_me),
            participant: self
                .participant
                .or_else(|| owned(payload.text_at("participant"))),
            chat: self.chat,
            timestamp: payload.get_exact("timestamp").and_then(seconds),
            ..Envelope::default()
        }
    }
}
