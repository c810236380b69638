//! Events about no message that is kept: how the linked device is doing, and what became of messages
//! that were sent.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Store;
use super::announce::{Announcement, NO_MESSAGE, announce_to};
use super::error::StoreError;
use super::ids::{About, event_id};

/// An event about no message that is kept.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Name of the event.
    pub name: &'static str,
    /// What it is about, in a form that makes two notices of the same thing one event.
    pub about: String,
    /// The chat whose order it keeps; empty: of no chat.
    pub chat: String,
    /// The payload.
    pub facts: Map<String, Value>,
    /// Ids of the endpoints that want it.
    pub endpoints: Vec<String>,
}

impl Store {
    /// Puts a notice into the outbox; on disk when it answers. Nothing where nobody wants it.
    pub async fn notify(&self, notice: Notice, now: Timestamp) -> Result<(), StoreError> {
        if notice.endpoints.is_empty() {
            return Ok(());
        }
        let now = now.as_millisecond();
        self.write(move |tx| {
            Box::pin(async move {
                let Notice {
                    name,
                    about,
                    chat,
                    facts,
                    endpoints,
                } = notice;
                let event = Announcement {
                    id: event_id(&tx.session, &[0; 32], name, &About::Notice(&about)),
                    message: NO_MESSAGE,
                    name,
                    chat,
                    media: &[],
                    facts,
                    endpoints: &endpoints,
                };
                announce_to(tx, event, now).await
            })
        })
        .await
    }
}
