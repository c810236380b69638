//! What a session keeps of a message that its device sent: the same as of one that it received.

use jiff::{SignedDuration, Timestamp};
use waproto::whatsapp::Message;

use crate::{
    cdn::url::expires_at,
    config::SessionConfig,
    message::{Envelope, Event, Incoming, MediaId, MediaReference, understand},
    session::Session,
    store::{Dispatch, NewMedia, NewMessage},
    webhook::payload,
};

/// The event that tells it.
const EVENT: &str = "message.sent";

/// How long WhatsApp keeps a file whose path names no expiry.
const RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The records of `message`, which WhatsApp has since `timestamp`.
pub(super) fn of(
    session: &Session,
    send: &Dispatch,
    message: Message,
    timestamp: Timestamp,
) -> Option<NewMessage> {
    let incoming = understand(Envelope {
        id: send.message_id.clone(),
        chat: send.message.chat.clone(),
        from_me: true,
        timestamp: Some(timestamp.as_second()),
        message: Some(Box::new(message)),
        ..Envelope::default()
    })?;
    let Event::Received(content) = &incoming.event else {
        return None;
    };
    let (config, now) = (session.config(), crate::clock::now());
    let media: Vec<NewMedia> = content
        .media
        .iter()
        .enumerate()
        .map(|(position, media)| file(&config, &incoming, (position, media), now))
        .collect();
    let waits = !session.bucket_is_down() && media.iter().any(|media| media.persist);
    let hold = config.auto_persist.hold_webhook;
    let mut followups = session.endpoints_wanting("media.persisted");
    followups.extend(session.endpoints_wanting("media.failed"));
    followups.sort_unstable();
    followups.dedup();
    Some(NewMessage {
        received_at: now,
        timestamp: incoming.timestamp,
        event: EVENT,
        facts: payload::facts(&incoming),
        placeholder: false,
        media,
        links_to_edit_of: None,
        endpoints: session.endpoints_wanting(EVENT),
        followups,
        hold_until: waits.then(|| now.checked_add(hold).ok()).flatten(),
        key: incoming.key,
    })
}

fn file(
    config: &SessionConfig,
    message: &Incoming,
    (position, media): (usize, &MediaReference),
    now: Timestamp,
) -> NewMedia {
    let expires = media.direct_path.as_deref().and_then(expires_at);
    NewMedia {
        id: MediaId::of(&config.key, &message.key, position),
        persist: config.persists(message, media),
        reference: media.clone(),
        expires_at: expires
            .or_else(|| now.checked_add(RETENTION).ok())
            .unwrap_or(Timestamp::MAX),
    }
}
