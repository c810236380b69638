//! What goes into the store and what comes out of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::media::MediaKind;
use crate::message::{MediaId, MediaReference, MessageKey, SessionKey};

/// How much a store may hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreLimits {
    /// Bytes that database and write-ahead log may take together; `None`: what the file system of
    /// the store has.
    pub volume_bytes: Option<u64>,
}

/// A message as a gateway handed it over, ready to be kept.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Which message this is.
    pub key: MessageKey,
    /// When we took it.
    pub received_at: Timestamp,
    /// When WhatsApp says it was sent, Unix seconds.
    pub timestamp: Option<i64>,
    /// Name of the event it becomes: `message.received` …
    pub event: &'static str,
    /// The event's payload, without anything that can change.
    pub facts: serde_json::Value,
    /// A ciphertext stub: content that comes later under its id is new.
    pub placeholder: bool,
    /// Its files, by position.
    pub media: Vec<NewMedia>,
    /// An edit: id of the edited message. A file that this one repeats is linked, not kept twice.
    pub links_to_edit_of: Option<String>,
    /// Ids of the endpoints that want this event.
    pub endpoints: Vec<String>,
    /// Ids of the endpoints that want `media.persisted` or `media.failed` if those follow later.
    pub followups: Vec<String>,
    /// Hold the event until its media is done, at most until then; `None`: do not hold it.
    /// The store holds no event longer than [`LONGEST_DELAY`](super::LONGEST_DELAY).
    pub hold_until: Option<Timestamp>,
}

/// One file of a new message.
#[derive(Debug, Clone)]
pub struct NewMedia {
    /// Its id.
    pub id: MediaId,
    /// How its message describes it. With a `fault` it fails at once.
    pub reference: MediaReference,
    /// Save it to the bucket without being asked again.
    pub persist: bool,
    /// When WhatsApp stops serving it: `oe`, else receipt + 14 d.
    pub expires_at: Timestamp,
}

/// What became of one message of [`Store::accept`](super::Store::accept).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// False for a redelivery.
    pub new: bool,
    /// Ids of its files, each with WhatsApp's id of the message.
    pub media: Vec<(MediaId, String)>,
}

/// Where a file is on its way to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaStatus {
    /// Known; nobody asked to save it.
    Received,
    /// Waits for its turn.
    Queued,
    /// A transfer has it.
    Running,
    /// Will be tried again at `due_at`.
    Waiting,
    /// In the bucket.
    Stored,
    /// Will not be tried again by itself.
    Failed,
}

impl MediaStatus {
    /// The word for it in rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [
            Self::Received,
            Self::Queued,
            Self::Running,
            Self::Waiting,
            Self::Stored,
            Self::Failed,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }
}

impl fmt::Display for MediaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a file is not in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaError {
    /// Stable word: `media_invalid`, `media_expired`, `integrity_failed` …
    pub code: String,
    /// For people. Never holds a signed URL or a credential.
    pub message: String,
    /// Asking again may help.
    pub retryable: bool,
}

/// Where a file stands with the phone, which can be asked to upload it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phone {
    /// Never asked.
    #[default]
    Unasked,
    /// To be asked, from this time on.
    Due(Timestamp),
    /// Asked at this time.
    Asked(Timestamp),
    /// It brought the file to the CDN again at this time.
    Found(Timestamp),
    /// It will not.
    Lacks,
}

impl Phone {
    /// Whether its answer is waited for.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Due(_) | Self::Asked(_))
    }

    /// Reads the columns `phone` and `phone_at`.
    pub(super) fn parse(word: Option<&str>, at: Timestamp) -> Option<Self> {
        Some(match word {
            None => Self::Unasked,
            // Whether a question that is on its way was taken nobody knows.
            Some("due" | "asking") => Self::Due(at),
            Some("asked") => Self::Asked(at),
            Some("found") => Self::Found(at),
            Some("lacks") => Self::Lacks,
            Some(_) => return None,
        })
    }
}

/// A file that reached the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of the plaintext, verified.
    pub sha256: [u8; 32],
    /// Its true length, bytes.
    pub length: u64,
}

/// All that is known of a file.
#[derive(Debug, Clone)]
pub struct MediaRecord {
    /// Its id.
    pub id: MediaId,
    /// Its session.
    pub session: SessionKey,
    /// The message that brought it.
    pub message: MessageKey,
    /// When that message was sent, Unix seconds.
    pub message_timestamp: Option<i64>,
    /// When we took it.
    pub received_at: Timestamp,
    /// Which of the message's files it is.
    pub position: usize,
    /// How the message describes it, its media key opened.
    pub reference: MediaReference,
    /// Where it is.
    pub status: MediaStatus,
    /// Somebody wants it in the bucket.
    pub persist_requested: bool,
    /// The last thing that went wrong.
    pub error: Option<MediaError>,
    /// Bucket, fixed before the first PUT.
    pub bucket: Option<String>,
    /// Object key, fixed before the first PUT.
    pub key: Option<String>,
    /// Verified SHA-256 of the stored object.
    pub stored_sha256: Option<[u8; 32]>,
    /// True length of the stored object, bytes.
    pub stored_length: Option<u64>,
    /// When it was stored.
    pub stored_at: Option<Timestamp>,
    /// Transfers that ended without success, since it was last asked for.
    pub attempts: u32,
    /// Those of them that ended with a wrong file.
    pub integrity_failures: u32,
    /// When it is tried next; set while queued or waiting.
    pub due_at: Option<Timestamp>,
    /// When WhatsApp stops serving it.
    pub expires_at: Timestamp,
    /// Where it stands with the phone.
    pub phone: Phone,
}

/// Which records to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct MediaFilter {
    /// `next_cursor` of the page before.
    pub cursor: Option<i64>,
    /// Only these.
    pub status: Option<MediaStatus>,
    /// Only these.
    pub kind: Option<MediaKind>,
    /// Only those taken at or after this.
    pub since: Option<Timestamp>,
    /// Only those of messages with this WhatsApp id.
    pub message_id: Option<String>,
    /// Page size; at least 1.
    pub limit: usize,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records.
    pub records: Vec<MediaRecord>,
    /// Pass it on for the next page; `None` on the last.
    pub next_cursor: Option<i64>,
}

/// Why an event that waited for media went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every file it waited for is in the bucket.
    Stored,
    /// At least one of its files failed for good.
    Failed,
    /// Time ran out (or the bucket is down): `media.persisted` or `media.failed` follows.
    Deadline,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::Deadline => "deadline",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Stored, Self::Failed, Self::Deadline]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// An event as the outbox keeps it: facts; the body is rendered anew for every attempt.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// `evt_…`, the same over every attempt and every restart.
    pub id: String,
    /// `message.received` …
    pub event: String,
    /// Its session.
    pub session: SessionKey,
    /// When it came about.
    pub created_at: Timestamp,
    /// The payload's unchanging part.
    pub facts: serde_json::Value,
    /// `None`: there was no media to wait for.
    pub outcome: Option<Outcome>,
    /// Its files, by position.
    pub media: Vec<MediaId>,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Names this delivery to the store.
    pub id: i64,
    /// Id of the endpoint.
    pub endpoint: String,
    /// Its chat: deliveries of one endpoint and chat keep their order.
    pub chat: String,
    /// Attempts made before this one.
    pub attempts: u32,
    /// What to deliver.
    pub event: EventRow,
    /// Ties the log lines of its message together.
    pub trace: String,
    /// When it could first have gone; its chat waits for it until five minutes after.
    pub first_due: Timestamp,
}

/// How much lies in each queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depths {
    /// Files nobody asked to save.
    pub received: u64,
    /// Files waiting for their turn.
    pub queued: u64,
    /// Files a transfer has.
    pub running: u64,
    /// Files to be tried again later.
    pub waiting: u64,
    /// Files in the bucket.
    pub stored: u64,
    /// Files given up.
    pub failed: u64,
    /// Events that wait for media.
    pub events_held: u64,
    /// Deliveries not done yet.
    pub deliveries_pending: u64,
    /// Deliveries given up.
    pub deliveries_dead: u64,
    /// Messages to send that wait for their turn or are on their way.
    pub sends_open: u64,
}

impl Depths {
    pub(super) fn of(&mut self, status: MediaStatus) -> &mut u64 {
        match status {
            MediaStatus::Received => &mut self.received,
            MediaStatus::Queued => &mut self.queued,
            MediaStatus::Running => &mut self.running,
            MediaStatus::Waiting => &mut self.waiting,
            MediaStatus::Stored => &mut self.stored,
            MediaStatus::Failed => &mut self.failed,
        }
    }
}
