//! Messages to send: queued → running → sent | failed, in order within a chat.
//!
//! Whoever waits for an answer has one try: a failure is told, and what a crash interrupts has failed,
//! because its caller was never answered. Where nobody waits (`respond-async`) what may pass is tried
//! again, also after a crash, and `command.result` tells the end in the same transaction.

mod ask;
mod queue;
mod settle;
mod upkeep;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::prepare;
use super::read;
use super::seal::SealKey;
use super::sql::Row;
use crate::message::{MediaId, SessionKey};
use crate::send::{Outgoing, spool::SpoolKey};

pub(super) use upkeep::{prune, release, renew, take_over};

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
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// The message.
    pub message: Outgoing,
    /// Opens its file.
    pub file_key: Option<SpoolKey>,
    /// Nobody waits for the answer.
    pub patient: bool,
    /// Tries before this one.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// WhatsApp's id of it.
    pub id: String,
    /// When it was sent.
    pub timestamp: Timestamp,
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

fn unreadable(column: &'static str) -> StoreError {
    StoreError::Unreadable { column }
}

/// Reads `id`, `message_id`, `message`, `patient`, `attempts`, `created_at`, `file_key_id` and
/// `file_key`.
fn send(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
) -> Result<ClaimedSend, StoreError> {
    let id: String = row.try_get("id")?;
    let message: String = row.try_get("message")?;
    let key_id: Option<String> = row.try_get("file_key_id")?;
    let key: Option<Vec<u8>> = row.try_get("file_key")?;
    let file_key = key
        .map(|bytes| open_key(session, seal, &id, key_id.as_deref(), bytes))
        .transpose()?;
    Ok(ClaimedSend {
        message_id: row.try_get("message_id")?,
        message: serde_json::from_str(&message).map_err(|_| unreadable("sends.message"))?,
        file_key,
        patient: row.try_get("patient")?,
        attempts: read::count(row.try_get("attempts")?),
        created_at: read::time(row.try_get("created_at")?)?,
        id,
    })
}

fn open_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &str,
    key_id: Option<&str>,
    bytes: Vec<u8>,
) -> Result<SpoolKey, StoreError> {
    let plain = read::open_key(session, seal, &owner(id), key_id, bytes)?;
    <[u8; 32]>::try_from(plain.as_slice())
        .map(SpoolKey::new)
        .map_err(|_| unreadable("sends.file_key"))
}

fn seal_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    send: &NewSend,
) -> Result<prepare::Sealed, StoreError> {
    let key = send.file_key.as_ref().map(|key| key.bytes().as_slice());
    prepare::seal_key(session, seal, &owner(&send.id), key)
}

/// Whose key it is, for the seal. No media id begins like a correlation id.
fn owner(id: &str) -> MediaId {
    MediaId(id.to_owned())
}
