//! Messages to send: queued → running → sent | failed, in order within a chat. Only the first of a chat
//! that has not ended is ever due; it becomes so in the transaction that ends the one before it.
//!
//! Whoever waits for an answer has one try: a failure is told, and what a crash interrupts has failed,
//! because its caller was never answered. Where nobody waits (`respond-async`) what may pass is tried
//! again, also after a crash, and `command.result` tells the end in the same transaction.

mod ask;
mod queue;
mod row;
mod settle;
mod upkeep;
mod upload;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::send::{Outgoing, device::Upload, spool::SpoolKey};

pub(super) use upkeep::{prune, renew_queued, take_over};

/// A message to send.
#[derive(Debug, Clone)]
pub struct NewSend {
    /// Correlation id, new for each call; also the name of its file.
    pub id: String,
    /// The caller's key: a second call under it is the same one.
    pub idempotency_key: Option<String>,
    /// Hash of all that was asked.
    pub fingerprint: [u8; 32],
    /// WhatsApp's id of the message, made beforehand.
    pub message_id: String,
    /// The message.
    pub message: Outgoing,
    /// Opens its file.
    pub file_key: Option<SpoolKey>,
    /// Nobody waits for the answer.
    pub patient: bool,
    /// Ids of the endpoints that want `command.result`.
    pub endpoints: Vec<String>,
}

/// What became of a new message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is queued, on disk.
    Queued,
    /// It was asked for before, under the same key.
    Before {
        /// Its correlation id.
        id: String,
        /// Nobody waits for the answer.
        patient: bool,
    },
    /// The key was used for another message.
    OtherMessage,
}

/// A message whose turn has come.
#[derive(Debug, Clone)]
pub struct ClaimedSend {
    /// Correlation id; also the name of its file.
    pub id: String,
    /// Nobody waits for the answer.
    pub patient: bool,
    /// Tries before this one.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What goes out; or why that can't be read: it must not stop the queue.
    pub dispatch: Result<Dispatch, SendError>,
}

/// What goes out.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Correlation id; also the name of its file.
    pub id: String,
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// The message.
    pub message: Outgoing,
    /// Opens its file.
    pub file_key: Option<SpoolKey>,
    /// What an earlier try knew of its file on WhatsApp's CDN.
    pub upload: Option<Upload>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// WhatsApp's id of it.
    pub id: String,
    /// When it was sent.
    pub timestamp: Timestamp,
    /// The record of its file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_id: Option<String>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendError {
    /// Stable word.
    pub code: String,
    /// For people. Never holds a key or a file.
    pub message: String,
    /// Asking again may help.
    pub retryable: bool,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its turn, or is on its way.
    Open,
    /// It was sent to `chat`.
    Sent {
        /// Normalised JID.
        chat: String,
        /// What came of it.
        sent: Sent,
    },
    /// It was not, and will not be.
    Failed(SendError),
}

/// The `outcome` column.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Sent(Sent),
    Failed(SendError),
}

/// Names a column that does not read as it was written.
fn unreadable(column: &'static str) -> StoreError {
    StoreError::Unreadable { column }
}
