//! What happens beside messages. The sidecar can ask for the status, so nothing here is kept for ever: events wait for the
//! sidecar while there is room.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use super::Sidecar;
use crate::{backoff, device::StatusView};

/// Where events go.
const PATH: &str = "/events";

/// Events that may wait.
const ROOM: usize = 1024;

/// Events of one call.
const BATCH: usize = 64;

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Event {
    /// The device's status is another one.
    Status(Box<StatusView>),
    /// A code to scan.
    Qr { code: String, expires_at: Timestamp },
    /// WhatsApp has a message that was sent, or refused it.
    Ack {
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Somebody got, read or played messages.
    Receipt {
        chat: String,
        sender: String,
        ids: Vec<String>,
        kind: &'static str,
        timestamp: i64,
    },
    /// The phone's answer to a media retry.
    MediaRetry {
        id: String,
        #[serde(flatten)]
        result: MediaRetryResult,
    },
}

/// What the phone answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "result",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum MediaRetryResult {
    /// The file is there again.
    Success { direct_path: String },
    /// The phone no longer has it.
    NotFound,
    /// The phone could not read the question.
    DecryptionError,
    /// Something else.
    GeneralError,
    /// An answer to a question from before a restart, sealed with the media key.
    Sealed { ciphertext: String, iv: String },
}

/// The queue of events.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<Event>,
}

impl Events {
    /// A queue, and the work of emptying it.
    pub(crate) fn new(sidecar: Arc<Sidecar>) -> (Self, impl Future<Output = ()>) {
        let (queue, events) = mpsc::channel(ROOM);
        (Self { queue }, deliver(sidecar, events))
    }

    /// Tells the sidecar, sooner or later.
    pub(crate) fn tell(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            tracing::warn!("an event is lost: too many wait for the sidecar");
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    events: &'a [Event],
}

async fn deliver(sidecar: Arc<Sidecar>, mut events: mpsc::Receiver<Event>) {
    let mut batch = Vec::with_capacity(BATCH);
    while events.recv_many(&mut batch, BATCH).await > 0 {
        match serde_json::to_vec(&Body { events: &batch }) {
            Ok(body) => insist(&sidecar, Bytes::from(body)).await,
            Err(error) => tracing::error!(%error, "events can't be written"),
        }
        batch.clear();
    }
}

async fn insist(sidecar: &Sidecar, body: Bytes) {
    let mut failures = 0_u32;
    while let Err(error) = sidecar.post(PATH, body.clone()).await {
        failures = failures.saturating_add(1);
        tracing::debug!(%error, failures, "events wait for the sidecar");
        tokio::time::sleep(backoff::SIDECAR.pause(failures)).await;
    }
}
