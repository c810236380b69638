//! Messages that arrived, on their way to the sidecar. Until it has them, WhatsApp is not told that we do.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;
use wacore::types::{events::InboundMessage, message::MessageCategory};
use waproto::codec::message_to_vec;

use super::Sidecar;
use crate::backoff;

/// Where messages go.
const PATH: &str = "/messages";

#[derive(Debug, Serialize)]
struct Body {
    messages: Vec<Message>,
}

/// A message and what came around it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    chat: String,
    sender: String,
    /// The sender's other address: the number where `sender` is hidden, or the reverse.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_alt: Option<String>,
    from_me: bool,
    is_group: bool,
    /// Seconds since 1970.
    timestamp: i64,
    push_name: String,
    /// Waited at WhatsApp while the device was away.
    offline: bool,
    /// The protobuf `Message`, in base64.
    #[serde(rename = "message")]
    protobuf: String,
}

impl From<&InboundMessage> for Message {
    fn from(inbound: &InboundMessage) -> Self {
        let info = &inbound.info;
        Self {
            id: info.id.clone(),
            chat: info.source.chat.to_string(),
            sender: info.source.sender.to_string(),
            sender_alt: info.source.sender_alt.as_ref().map(ToString::to_string),
            from_me: info.source.is_from_me,
            is_group: info.source.is_group,
            timestamp: info.timestamp.timestamp(),
            push_name: info.push_name.clone(),
            offline: info.is_offline,
            protobuf: BASE64_STANDARD.encode(message_to_vec(&inbound.message)),
        }
    }
}

/// Brings messages to the sidecar.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    sidecar: Arc<Sidecar>,
}

impl Delivery {
    pub(crate) fn new(sidecar: Arc<Sidecar>) -> Self {
        Self { sidecar }
    }

    /// Tries until the sidecar has all of them. What devices of one account tell each other is nobody else's.
    pub(crate) async fn deliver(&self, batch: &[InboundMessage]) -> Result<(), serde_json::Error> {
        let messages: Vec<Message> = batch
            .iter()
            .filter(|message| message.info.category != MessageCategory::Peer)
            .map(Message::from)
            .collect();
        if messages.is_empty() {
            return Ok(());
        }
        let count = messages.len();
        let body = Bytes::from(serde_json::to_vec(&Body { messages })?);
        self.insist(PATH, body, count).await;
        Ok(())
    }

    /// Posts until that succeeds.
    pub(super) async fn insist(&self, path: &'static str, body: Bytes, count: usize) {
        let mut failures = 0_u32;
        while let Err(error) = self.sidecar.post(path, body.clone()).await {
            failures = failures.saturating_add(1);
            let pause = backoff::SIDECAR.pause(failures);
            tracing::warn!(%error, path, count, failures, "messages wait for the sidecar");
            tokio::time::sleep(pause).await;
        }
    }
}
