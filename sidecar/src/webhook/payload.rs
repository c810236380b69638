//! The flat `payload` of an event (`titan-api.md` §5.4 and our additions): the facts that hold for
//! good. What changes with time (media state, URLs) is joined in by `render` at each attempt.

use serde_json::{Map, Value, json};

use super::jid;
use crate::message::{Association, Content, Event, Incoming, MediaReference};

/// Placeholders that no content follows, and that are therefore announced: see [`event_name`].
const FINAL_PLACEHOLDERS: [&str; 2] = ["view_once_unavailable", "masked_on_linked_devices"];

/// The webhook event that `incoming` makes, or `None` where nobody is told.
///
/// A placeholder ("waiting for this message") is stored but not announced: content under its id
/// is new and is announced then, once. The exceptions are messages that WhatsApp never gives to
/// linked devices, view-once ones above all: no content follows, so they are announced as
/// `message.received` of type `unknown` with `unavailable: true`.
#[must_use]
pub fn event_name(incoming: &Incoming) -> Option<&'static str> {
    match &incoming.event {
        Event::Received(_) => Some("message.received"),
        Event::Edited { .. } => Some("message.edited"),
        Event::Revoked { .. } => Some("message.revoked"),
        Event::Reaction { .. } => Some("message.reaction"),
        Event::Vote { .. } => Some("message.vote"),
        Event::Placeholder { reason } => FINAL_PLACEHOLDERS
            .contains(reason)
            .then_some("message.received"),
    }
}

/// The payload's lasting facts.
///
/// `id` is always the message's own id; an edit, revocation, reaction or vote names the message it
/// is about in `targetId`. `body` repeats the text, or the caption of media. Absent facts are
/// absent members, except `fromMe` and `isGroup`, which are always there. `mediaId` is not here:
/// an edit that repeats a file has the id of the first record, which the store knows.
#[must_use]
pub fn facts(incoming: &Incoming) -> Value {
    let key = &incoming.key;
    let mut facts = Facts::default();
    facts.put("id", Some(key.id.as_str()));
    facts.put("chatId", Some(key.chat.as_str()));
    facts.put("from", Some(jid::from(incoming)));
    facts.put("sender", jid::sender(incoming));
    facts.put("fromMe", Some(key.from_me));
    facts.put("isGroup", Some(jid::is_group(&key.chat)));
    facts.put("timestamp", incoming.timestamp);
    facts.put("pushName", incoming.push_name.as_deref());
    facts.flag("history", incoming.history);
    facts.event(&incoming.event);
    facts.0.into()
}

#[derive(Default)]
struct Facts(Map<String, Value>);

// === impl Facts ===

impl Facts {
    fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Flags are there only when they are set.
    fn flag(&mut self, name: &str, set: bool) {
        self.put(name, set.then_some(true));
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Received(content) => self.content(content),
            Event::Edited { target, content } => {
                self.put("targetId", Some(target.as_str()));
                self.content(content);
            }
            Event::Revoked { target } => self.about(target, "revoked"),
            Event::Reaction { target, reaction } => {
                self.about(target, "reaction");
                self.put("reaction", Some(reaction.as_str()));
            }
            Event::Vote { target } => self.about(target, "vote"),
            Event::Placeholder { reason } => {
                self.put("type", Some("unknown"));
                self.put("unavailable", Some(true));
                self.put("unavailableReason", Some(*reason));
            }
        }
    }

    fn about(&mut self, target: &str, kind: &str) {
        self.put("type", Some(kind));
        self.put("targetId", Some(target));
    }

    fn content(&mut self, content: &Content) {
        let (text, caption) = (content.text.as_deref(), content.caption.as_deref());
        self.put("type", Some(content.kind.as_str()));
        self.put("body", text.or(caption));
        self.put("text", text);
        self.put("caption", caption);
        self.put("quotedId", content.quoted_id.as_deref());
        let mentions = &content.mentions;
        self.put("mentions", (!mentions.is_empty()).then(|| mentions.clone()));
        self.flag("isForwarded", content.forwarded);
        self.flag("isViewOnce", content.view_once);
        self.put("association", content.association.as_ref().map(association));
        if let Some(first) = content.media.first() {
            self.media(first);
        }
        self.put("mediaError", fault(content));
    }

    /// The first file's own facts, flat as Titan has them.
    fn media(&mut self, media: &MediaReference) {
        self.put("mimeType", media.mime_type.as_deref());
        self.put("fileLength", media.file_length);
        self.put("fileName", media.file_name.as_deref());
        self.put("sha256", media.sha256.map(hex::encode));
        self.put("seconds", media.seconds);
        self.put("width", media.width);
        self.put("height", media.height);
        self.flag("ptt", media.ptt);
    }
}

fn association(association: &Association) -> Value {
    let Association {
        kind,
        parent_id,
        index,
    } = association;
    let mut value = json!({"type": kind, "parentId": parent_id});
    if let (Some(index), Some(members)) = (index, value.as_object_mut()) {
        members.insert("index".to_owned(), (*index).into());
    }
    value
}

/// What the sender got wrong, of the message or of its first faulty file.
fn fault(content: &Content) -> Option<Value> {
    let of_media = || content.media.iter().find_map(|media| media.fault.as_ref());
    let message = content.fault.as_ref().or_else(of_media)?;
    Some(json!({"code": "media_invalid", "message": message, "retryable": false}))
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
