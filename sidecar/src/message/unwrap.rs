//! From a delivered message to what happened: wrappers off, then edit, revoke, reaction, vote or
//! content.

use buffa::Enumeration as _;
use waproto::buffa;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as Protocol;

use super::content::{Association, Content, Event, Incoming, MediaReference};
use super::identity::{
    MessageKey, has_participants, lid_of, normalise_jid, phone_of, prefer_phone,
};
use super::structure;
use super::wrappers;

/// How many wrappers and nested structures are opened. Real messages need four.
pub const MAX_DEPTH: usize = 16;

/// One delivered message with what the gateway says about it. JIDs as the gateway wrote them.
#[derive(Debug, Default)]
pub struct Envelope {
    /// WhatsApp's message id.
    pub id: String,
    /// Chat JID.
    pub chat: String,
    /// Sent by the session's own account.
    pub from_me: bool,
    /// The sender; needed in groups, used for the sender's number elsewhere.
    pub participant: Option<String>,
    /// The chat's other JID: the phone number of a LID, or the reverse.
    pub chat_alt: Option<String>,
    /// The sender's other JID.
    pub participant_alt: Option<String>,
    /// When WhatsApp says it was sent, Unix seconds (UTC).
    pub timestamp: Option<i64>,
    /// The sender's own display name.
    pub push_name: Option<String>,
    /// The message, unless there is only a placeholder.
    pub message: Option<Box<wa::Message>>,
    /// Why there is no content, as a fixed word. Ignored when there is a message.
    pub placeholder: Option<&'static str>,
    /// Why the sender's message can't be read although the delivery is sound.
    pub fault: Option<String>,
    /// The gateway says view-once, in case it took the wrapper off.
    pub view_once: bool,
}

/// What a delivered message does; `None` for those that no person sees (key distribution, history
/// and app-state housekeeping).
#[must_use]
pub fn understand(envelope: Envelope) -> Option<Incoming> {
    let Envelope {
        id,
        chat,
        from_me,
        participant,
        chat_alt,
        participant_alt,
        timestamp,
        push_name,
        message,
        placeholder,
        fault,
        view_once,
    } = envelope;
    let event = match (fault, message) {
        (Some(fault), _) => Event::Received(unreadable(fault)),
        (None, Some(message)) => Opened::new(*message, view_once).event()?,
        (None, None) => Event::Placeholder {
            reason: placeholder.unwrap_or("no_content"),
        },
    };
    let parties = Parties::new(&chat, chat_alt, participant, participant_alt);
    Some(Incoming {
        sender_phone: parties.sender(from_me, phone_of),
        sender_lid: parties.sender(from_me, lid_of),
        key: parties.key(id, from_me),
        timestamp,
        push_name: push_name.filter(|name| !name.is_empty()),
        history: false,
        event,
    })
}

/// Content that is only a fault of the sender's.
fn unreadable(fault: String) -> Content {
    Content {
        kind: "unknown".to_owned(),
        fault: Some(fault),
        ..Content::default()
    }
}

/// Chat and sender, each under up to two normalised names.
struct Parties {
    chat: String,
    chat_alt: Option<String>,
    participant: Option<String>,
    participant_alt: Option<String>,
}

/// A message with its wrappers taken off.
struct Opened {
    message: wa::Message,
    view_once: bool,
    association: Option<Association>,
    comment_on: Option<String>,
    depth: usize,
}

// === impl Parties ===

impl Parties {
    fn new(
        chat: &str,
        chat_alt: Option<String>,
        participant: Option<String>,
        participant_alt: Option<String>,
    ) -> Self {
        let normalised = |jid: Option<String>| {
            jid.map(|jid| normalise_jid(&jid))
                .filter(|jid| !jid.is_empty())
        };
        Self {
            chat: normalise_jid(chat),
            chat_alt: normalised(chat_alt),
            participant: normalised(participant),
            participant_alt: normalised(participant_alt),
        }
    }

    /// The sender's number or LID, from whichever of their names is one.
    fn sender(&self, from_me: bool, part: fn(&str) -> Option<&str>) -> Option<String> {
        let direct = !from_me && !has_participants(&self.chat);
        let chat = [Some(&self.chat), self.chat_alt.as_ref()];
        let participant = [self.participant.as_ref(), self.participant_alt.as_ref()];
        chat.into_iter()
            .filter(|_| direct)
            .chain(participant)
            .flatten()
            .find_map(|jid| part(jid))
            .map(str::to_owned)
    }

    fn key(self, id: String, from_me: bool) -> MessageKey {
        let named = has_participants(&self.chat) && !from_me;
        MessageKey {
            participant: self
                .participant
                .filter(|_| named)
                .map(|jid| prefer_phone(jid, self.participant_alt)),
            chat: prefer_phone(self.chat, self.chat_alt),
            from_me,
            id,
        }
    }
}

// === impl Opened ===

impl Opened {
    fn new(message: wa::Message, view_once: bool) -> Self {
        let mut opened = Self {
            message,
            view_once,
            association: None,
            comment_on: None,
            depth: 0,
        };
        opened.open();
        opened
    }

    fn open(&mut self) {
        loop {
            self.note_association();
            if self.depth > MAX_DEPTH {
                return;
            }
            let Some(layer) = wrappers::peel(&mut self.message) else {
                return;
            };
            self.depth += 1;
            self.view_once |= layer.view_once;
            self.comment_on = layer.target.or_else(|| self.comment_on.take());
            self.message = layer.inner;
        }
    }

    fn note_association(&mut self) {
        let found = self
            .message
            .message_context_info
            .as_option()
            .and_then(|info| info.message_association.as_option())
            .and_then(association);
        self.association = found.or_else(|| self.association.take());
    }

    fn event(mut self) -> Option<Event> {
        if let Some(protocol) = self.message.protocol_message.take() {
            return self.protocol(protocol);
        }
        if let Some(reaction) = self.message.reaction_message.take() {
            return Some(Event::Reaction {
                target: target(reaction.key)?,
                reaction: reaction.text.unwrap_or_default(),
            });
        }
        if let Some(vote) = self.message.poll_update_message.take() {
            return Some(Event::Vote {
                target: target(vote.poll_creation_message_key)?,
            });
        }
        if self.message.placeholder_message.is_set() {
            return Some(Event::Placeholder {
                reason: "masked_on_linked_devices",
            });
        }
        let content = self.content()?;
        let stripped = content.media.iter().all(is_stripped) && content.text.is_none();
        if content.view_once && content.fault.is_none() && stripped {
            return Some(Event::Placeholder {
                reason: "view_once_unavailable",
            });
        }
        Some(Event::Received(content))
    }

    /// Edits and revokes. A type that this version does not know reads as absent, so absent is
    /// never taken for the enum's first value, which is a revoke.
    fn protocol(self, protocol: wa::message::ProtocolMessage) -> Option<Event> {
        let wa::message::ProtocolMessage {
            key,
            r#type,
            edited_message,
            ..
        } = protocol;
        match (r#type, edited_message.into_option()) {
            (Some(Protocol::REVOKE), _) => Some(Event::Revoked {
                target: target(key)?,
            }),
            (Some(Protocol::MESSAGE_EDIT) | None, Some(edited)) => {
                let target = target(key)?;
                let mut opened = Self {
                    message: edited,
                    depth: self.depth + 1,
                    ..self
                };
                opened.open();
                let mut content = opened.content()?;
                // An edited caption may come without the file that it stands under.
                content.media.retain(|media| !is_stripped(media));
                Some(Event::Edited { target, content })
            }
            _ => None,
        }
    }

    fn content(self) -> Option<Content> {
        if self.depth > MAX_DEPTH {
            return Some(unreadable(format!(
                "message is wrapped more than {MAX_DEPTH} times"
            )));
        }
        let mut content = structure::read(&self.message, self.depth)?;
        content.view_once |= self.view_once;
        content.association = self.association;
        content.quoted_id = self.comment_on.or(content.quoted_id);
        Some(content)
    }
}

/// A shell without key, hash and path, as linked devices get for view-once media.
fn is_stripped(media: &MediaReference) -> bool {
    media.media_key.is_none()
        && media.sha256.is_none()
        && media.enc_sha256.is_none()
        && media.direct_path.is_none()
}

fn target(key: buffa::MessageField<wa::MessageKey>) -> Option<String> {
    key.into_option()?.id.filter(|id| !id.is_empty())
}

fn association(found: &wa::MessageAssociation) -> Option<Association> {
    Some(Association {
        kind: found.association_type?.proto_name().to_ascii_lowercase(),
        parent_id: found.parent_message_key.as_option()?.id.clone()?,
        index: found.message_index,
    })
}

/// Mentioned JIDs, normalised like all others.
pub(super) fn mentions(context: &wa::ContextInfo) -> Vec<String> {
    context
        .mentioned_jid
        .iter()
        .map(|jid| normalise_jid(jid))
        .collect()
}
