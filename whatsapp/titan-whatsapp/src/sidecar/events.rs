//! What happens beside messages. The sidecar can ask for the status, so nothing here is kept for ever: events wait for the
//! sidecar while there is room. What WhatsApp tells once more where we don't acknowledge it, holds that back meanwhile.

use std::sync::{
    Arc,
    mpsc::{SyncSender, sync_channel},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};

use super::Sidecar;
use crate::{backoff, device::StatusView};

/// Where events go.
const PATH: &str = "/events";

/// Events that may wait.
const ROOM: usize = 1024;

/// Events whose acknowledgement to WhatsApp may wait. Each takes a thread, which is why there are not more.
const HELD_BACK: usize = 64;

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
        /// Whose message it is about, as far as the phone says.
        #[serde(skip_serializing_if = "Option::is_none")]
        chat: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        participant: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from_me: Option<bool>,
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

/// An event in the queue.
#[derive(Debug)]
struct Queued {
    event: Event,
    /// Dropped once the sidecar has the event, or the program ends.
    _held: Option<SyncSender<()>>,
}

/// The queue of events.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<Queued>,
    held_back: Arc<Semaphore>,
}

impl Events {
    /// A queue, and the work of emptying it.
    pub(crate) fn new(sidecar: Arc<Sidecar>) -> (Self, impl Future<Output = ()>) {
        let (queue, events) = mpsc::channel(ROOM);
        let held_back = Arc::new(Semaphore::new(HELD_BACK));
        (Self { queue, held_back }, deliver(sidecar, events))
    }

    /// Tells the sidecar, sooner or later.
    pub(crate) fn tell(&self, event: Event) {
        self.queue(event, None);
    }

    /// Tells the sidecar, and returns once it knows: after that, the library acknowledges the event to WhatsApp. Where too
    /// many wait, this one doesn't.
    pub(crate) fn tell_and_wait(&self, event: Event) {
        let Ok(_permit) = self.held_back.try_acquire() else {
            return self.tell(event);
        };
        let (held, told) = sync_channel(0);
        if self.queue(event, Some(held)) {
            // An error is the end of the wait: nothing is ever sent.
            tokio::task::block_in_place(|| told.recv().unwrap_or_default());
        }
    }

    fn queue(&self, event: Event, held: Option<SyncSender<()>>) -> bool {
        let queued = self.queue.try_send(Queued { event, _held: held });
        if queued.is_err() {
            tracing::warn!("an event is lost: too many wait for the sidecar");
        }
        queued.is_ok()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    events: Vec<&'a Event>,
}

async fn deliver(sidecar: Arc<Sidecar>, mut events: mpsc::Receiver<Queued>) {
    let mut batch = Vec::with_capacity(BATCH);
    while events.recv_many(&mut batch, BATCH).await > 0 {
        let events = batch.iter().map(|queued| &queued.event).collect();
        match serde_json::to_vec(&Body { events }) {
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
