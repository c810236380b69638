//! From a new message to rows, in the caller's task: hashing, sealing and JSON keep the writer free.

use crate::message::{MediaId, MediaReference, MessageKey, SessionKey};

use super::LONGEST_DELAY;
use super::error::StoreError;
use super::ids::{self, About, KeyHash};
use super::model::{NewMedia, NewMessage};
use super::reference::{self, ReferenceColumns};
use super::seal::{NONCE, SealKey};

/// A message, ready for the writer.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) hash: KeyHash,
    pub(super) chat: String,
    pub(super) from_me: bool,
    pub(super) participant: Option<String>,
    pub(super) message_id: String,
    pub(super) timestamp: Option<i64>,
    pub(super) received_at: i64,
    pub(super) placeholder: bool,
    pub(super) media: Vec<MediaRow>,
    /// The message that this one edits.
    pub(super) edits: Option<KeyHash>,
    pub(super) event_id: String,
    pub(super) event: &'static str,
    pub(super) facts: String,
    pub(super) endpoints: Vec<String>,
    /// JSON.
    pub(super) followups: String,
    pub(super) hold_until: Option<i64>,
    pub(super) now: i64,
}

/// One of its files.
#[derive(Debug)]
pub(super) struct MediaRow {
    pub(super) id: MediaId,
    pub(super) persist: bool,
    pub(super) expires_at: i64,
    /// Without its large byte strings, which are in `columns`.
    pub(super) reference: MediaReference,
    pub(super) columns: ReferenceColumns,
    pub(super) sealed: Sealed,
}

/// A media key as it stands in its row.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    /// Which store key sealed it; `None`: it is not sealed.
    pub(super) key_id: Option<String>,
    /// `None`: the file has no key.
    pub(super) bytes: Option<Vec<u8>>,
}

impl Row {
    /// About how many bytes it adds to the file.
    pub(super) fn bytes(&self) -> usize {
        let media: usize = self.media.iter().map(MediaRow::bytes).sum();
        // Rows and indexes of message, event and one delivery per endpoint, by rule of thumb.
        500 + self.facts.len() + 400 * self.endpoints.len() + media
    }
}

impl MediaRow {
    fn bytes(&self) -> usize {
        let sidecar = self.columns.streaming_sidecar.as_ref().map_or(0, Vec::len);
        let thumbnail = self.columns.jpeg_thumbnail.as_ref().map_or(0, Vec::len);
        600 + self.columns.json.len() + sidecar + thumbnail
    }

    /// It is the sender's fault that this file is never fetched.
    pub(super) fn is_faulty(&self) -> bool {
        self.reference.fault.is_some()
    }

    /// The event of its message waits for it.
    pub(super) fn is_awaited(&self) -> bool {
        self.persist && !self.is_faulty()
    }
}

/// Makes the rows of `message`.
pub(super) fn prepare(
    session: &SessionKey,
    seal: Option<&SealKey>,
    message: NewMessage,
    now: i64,
) -> Result<Row, StoreError> {
    let hash = message.key.hash(session);
    let about = if message.placeholder {
        About::Placeholder
    } else {
        About::Message
    };
    let edits = message
        .links_to_edit_of
        .map(|id| of_id(&message.key, id).hash(session));
    let media = message.media.into_iter();
    let media = media.map(|media| prepare_media(session, seal, media));
    Ok(Row {
        event_id: ids::event_id(session, &hash, message.event, &about),
        hash,
        chat: ids::indexed(message.key.chat),
        from_me: message.key.from_me,
        participant: message.key.participant,
        message_id: ids::indexed(message.key.id),
        timestamp: message.timestamp,
        received_at: message.received_at.as_millisecond(),
        placeholder: message.placeholder,
        media: media.collect::<Result<_, _>>()?,
        edits,
        event: message.event,
        facts: message.facts.to_string(),
        endpoints: message.endpoints,
        followups: json_list(&message.followups)?,
        hold_until: message.hold_until.map(|until| until_at_most(until, now)),
        now,
    })
}

/// The message of another id from the same sender in the same chat.
fn of_id(key: &MessageKey, id: String) -> MessageKey {
    MessageKey { id, ..key.clone() }
}

fn until_at_most(until: jiff::Timestamp, now: i64) -> i64 {
    until
        .as_millisecond()
        .min(now.saturating_add(super::millis(LONGEST_DELAY)))
}

fn prepare_media(
    session: &SessionKey,
    seal: Option<&SealKey>,
    media: NewMedia,
) -> Result<MediaRow, StoreError> {
    let NewMedia {
        id,
        mut reference,
        persist,
        expires_at,
    } = media;
    let columns = reference::to_columns(&mut reference)?;
    let key = reference.media_key.as_ref().map(|key| key.0.as_slice());
    let sealed = seal_key(session, seal, &id, key)?;
    Ok(MediaRow {
        id,
        persist,
        expires_at: expires_at.as_millisecond(),
        reference,
        columns,
        sealed,
    })
}

/// Seals a media key for its row, if there is a store key.
pub(super) fn seal_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &MediaId,
    key: Option<&[u8]>,
) -> Result<Sealed, StoreError> {
    let Some(key) = key else {
        return Ok(Sealed::default());
    };
    let Some(seal) = seal else {
        return Ok(Sealed {
            key_id: None,
            bytes: Some(key.to_vec()),
        });
    };
    let nonce: [u8; NONCE] = rand::random();
    Ok(Sealed {
        key_id: Some(seal.id().to_owned()),
        bytes: Some(seal.seal(nonce, &owner(session, id), key)?),
    })
}

/// Whose key it is, for the seal.
pub(super) fn owner(session: &SessionKey, id: &MediaId) -> Vec<u8> {
    format!("{}\0{}\0{}", session.tenant, session.session, id.0).into_bytes()
}

/// A list of words as JSON.
pub(super) fn json_list<T: serde::Serialize>(words: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(words).map_err(|_| StoreError::Unreadable { column: "list" })
}
