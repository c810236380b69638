//! From understood messages to durable records: what 202 stands for.

use jiff::{SignedDuration, Timestamp};

use super::Session;
use crate::{
    cdn,
    config::SessionConfig,
    message::{Content, Event, Incoming, MediaId, MediaReference},
    store::{Accepted, NewMedia, NewMessage, StoreError},
    webhook,
};

/// How long WhatsApp keeps a file whose path names no expiry.
pub(crate) const CDN_RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Session {
    /// Stores messages with their media, their event and its deliveries, in one transaction.
    /// When it returns, all of it is on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: then nothing of the batch counts as taken.
    pub async fn accept(
        &self,
        messages: Vec<Incoming>,
        now: Timestamp,
    ) -> Result<Vec<Accepted>, StoreError> {
        let config = self.config();
        let hold = !self.bucket_is_down();
        let batch = messages
            .into_iter()
            .map(|message| {
                let event = webhook::payload::event_name(&message);
                new_message(&config, message, event, hold, now)
            })
            .collect();
        self.store().accept(batch, now).await
    }

    /// What is kept of a message, which is told of as `event`; `None`: nobody is told.
    pub(crate) fn record_of(
        &self,
        message: Incoming,
        event: Option<&'static str>,
        now: Timestamp,
    ) -> NewMessage {
        let hold = !self.bucket_is_down();
        new_message(&self.config(), message, event, hold, now)
    }

    /// Ids of the endpoints that want `event`.
    #[must_use]
    pub fn endpoints_wanting(&self, event: &str) -> Vec<String> {
        wanting(&self.config(), &[event])
    }
}

fn new_message(
    config: &SessionConfig,
    message: Incoming,
    event: Option<&'static str>,
    hold: bool,
    now: Timestamp,
) -> NewMessage {
    let facts = webhook::payload::facts(&message);
    let media: Vec<NewMedia> = content(&message.event)
        .map(|content| content.media.as_slice())
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(position, media)| new_media(config, &message, position, media, now))
        .collect();
    let waits = hold && media.iter().any(|media| media.persist);
    NewMessage {
        received_at: now,
        timestamp: message.timestamp,
        event: event.unwrap_or("message.received"),
        facts,
        placeholder: matches!(message.event, Event::Placeholder { .. }),
        links_to_edit_of: match &message.event {
            Event::Edited { target, .. } => Some(target.clone()),
            _ => None,
        },
        // What is not announced goes to nobody; content that follows under its id is new.
        endpoints: event
            .map(|event| wanting(config, &[event]))
            .unwrap_or_default(),
        followups: wanting(config, &["media.persisted", "media.failed"]),
        hold_until: waits
            .then(|| now.checked_add(config.auto_persist.hold_webhook).ok())
            .flatten(),
        media,
        key: message.key,
    }
}

fn new_media(
    config: &SessionConfig,
    message: &Incoming,
    position: usize,
    media: &MediaReference,
    now: Timestamp,
) -> NewMedia {
    NewMedia {
        id: MediaId::of(&config.key, &message.key, position),
        persist: config.persists(message, media),
        reference: media.clone(),
        expires_at: expiry(media.direct_path.as_deref(), now),
    }
}

/// When WhatsApp stops serving a file that is at `direct_path` now.
pub(super) fn expiry(direct_path: Option<&str>, now: Timestamp) -> Timestamp {
    direct_path
        .and_then(cdn::url::expires_at)
        .or_else(|| now.checked_add(CDN_RETENTION).ok())
        .unwrap_or(Timestamp::MAX)
}

fn wanting(config: &SessionConfig, events: &[&str]) -> Vec<String> {
    config
        .endpoints
        .iter()
        .filter(|endpoint| events.iter().any(|event| endpoint.wants(event)))
        .map(|endpoint| endpoint.id.clone())
        .collect()
}

fn content(event: &Event) -> Option<&Content> {
    match event {
        Event::Received(content) | Event::Edited { content, .. } => Some(content),
        Event::Revoked { .. }
        | Event::Reaction { .. }
        | Event::Vote { .. }
        | Event::Placeholder { .. } => None,
    }
}
