//! Rows back into what callers see.

use jiff::Timestamp;

use super::error::StoreError;
use super::model::{Delivery, EventRow, MediaError, MediaRecord, MediaStatus, Outcome, Phone};
use super::prepare;
use super::reference::{self, ReferenceColumns};
use super::seal::{SealError, SealKey};
use super::sql::Row;
use crate::media::MediaKey;
use crate::message::{MediaId, MediaReference, MessageKey, SessionKey};

fn unreadable(column: &'static str) -> StoreError {
    StoreError::Unreadable { column }
}

/// A time column.
pub(super) fn time(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| unreadable("time"))
}

fn optional_time(millis: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    millis.map(time).transpose()
}

/// A list of media ids.
pub(super) fn media_ids(json: &str) -> Result<Vec<MediaId>, StoreError> {
    Ok(words(json)?.into_iter().map(MediaId).collect())
}

/// A list of words.
pub(super) fn words(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|_| unreadable("list"))
}

/// A status word.
pub(super) fn status(word: &str) -> Result<MediaStatus, StoreError> {
    MediaStatus::parse(word).ok_or_else(|| unreadable("media.status"))
}

/// The `error` column of a media row.
pub(super) fn error(row: &Row) -> Result<Option<MediaError>, StoreError> {
    let json: Option<String> = row.try_get("error")?;
    json.map(|json| serde_json::from_str(&json))
        .transpose()
        .map_err(|_| unreadable("media.error"))
}

/// An error as its column has it.
pub(super) fn error_json(error: &MediaError) -> Result<String, StoreError> {
    serde_json::to_string(error).map_err(|_| unreadable("media.error"))
}

fn digest(bytes: Option<Vec<u8>>, column: &'static str) -> Result<Option<[u8; 32]>, StoreError> {
    bytes
        .map(|bytes| <[u8; 32]>::try_from(bytes).map_err(|_| unreadable(column)))
        .transpose()
}

/// A number of attempts.
pub(super) fn count(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The columns that [`record`] reads, with `media` as `f` and `messages` as `m`.
macro_rules! record_columns {
    () => {
        "f.number, f.id, f.position, f.status, f.persist, f.received_at, f.expires_at, f.due_at,
         f.attempts, f.integrity_failures, f.error, f.bucket, f.object_key, f.stored_sha256,
         f.stored_length, f.stored_at, f.media_key_id, f.media_key, f.reference,
         f.streaming_sidecar, f.jpeg_thumbnail, f.phone, f.phone_at, m.chat, m.from_me, m.participant, m.message_id,
         m.timestamp"
    };
}
pub(super) use record_columns;

/// A media record of columns [`record_columns`].
pub(super) fn record(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
) -> Result<MediaRecord, StoreError> {
    let id = MediaId(row.try_get("id")?);
    let position: i64 = row.try_get("position")?;
    let length: Option<i64> = row.try_get("stored_length")?;
    Ok(MediaRecord {
        session: session.clone(),
        message: message_key(row)?,
        message_timestamp: row.try_get("timestamp")?,
        received_at: time(row.try_get("received_at")?)?,
        position: usize::try_from(position).map_err(|_| unreadable("media.position"))?,
        status: status(row.try_get("status")?)?,
        persist_requested: row.try_get("persist")?,
        error: error(row)?,
        bucket: row.try_get("bucket")?,
        key: row.try_get("object_key")?,
        stored_sha256: digest(row.try_get("stored_sha256")?, "media.stored_sha256")?,
        stored_length: length.and_then(|length| u64::try_from(length).ok()),
        stored_at: optional_time(row.try_get("stored_at")?)?,
        attempts: count(row.try_get("attempts")?),
        integrity_failures: count(row.try_get("integrity_failures")?),
        due_at: optional_time(row.try_get("due_at")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
        phone: phone(row)?,
        reference: reference(row, session, seal, &id)?,
        id,
    })
}

fn phone(row: &Row) -> Result<Phone, StoreError> {
    let word: Option<String> = row.try_get("phone")?;
    let at = optional_time(row.try_get("phone_at")?)?.unwrap_or_default();
    Phone::parse(word.as_deref(), at).ok_or_else(|| unreadable("media.phone"))
}

fn message_key(row: &Row) -> Result<MessageKey, StoreError> {
    Ok(MessageKey {
        chat: row.try_get("chat")?,
        from_me: row.try_get("from_me")?,
        participant: row.try_get("participant")?,
        id: row.try_get("message_id")?,
    })
}

fn reference(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &MediaId,
) -> Result<MediaReference, StoreError> {
    let mut reference = reference::from_columns(ReferenceColumns {
        json: row.try_get("reference")?,
        streaming_sidecar: row.try_get("streaming_sidecar")?,
        jpeg_thumbnail: row.try_get("jpeg_thumbnail")?,
    })?;
    reference.media_key = media_key(row, session, seal, id)?;
    Ok(reference)
}

fn media_key(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &MediaId,
) -> Result<Option<MediaKey>, StoreError> {
    let Some(bytes) = row.try_get::<Option<Vec<u8>>, _>("media_key")? else {
        return Ok(None);
    };
    let key_id: Option<String> = row.try_get("media_key_id")?;
    open_key(session, seal, id, key_id.as_deref(), bytes)
        .and_then(|plain| {
            <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| unreadable("media.media_key"))
        })
        .map(|key| Some(MediaKey(key)))
}

/// Opens a media key column.
pub(super) fn open_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &MediaId,
    key_id: Option<&str>,
    bytes: Vec<u8>,
) -> Result<zeroize::Zeroizing<Vec<u8>>, StoreError> {
    let Some(key_id) = key_id else {
        return Ok(zeroize::Zeroizing::new(bytes));
    };
    let seal = seal.ok_or_else(|| SealError::MissingKey(key_id.to_owned()))?;
    Ok(seal.open(key_id, &prepare::owner(session, id), &bytes)?)
}

/// A claimed delivery with its event.
pub(super) fn delivery(row: &Row, session: &SessionKey) -> Result<Delivery, StoreError> {
    let facts: String = row.try_get("facts")?;
    let media: String = row.try_get("media")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    let event = EventRow {
        id: row.try_get("event_id")?,
        event: row.try_get("name")?,
        session: session.clone(),
        created_at: time(row.try_get("created_at")?)?,
        facts: serde_json::from_str(&facts).map_err(|_| unreadable("events.facts"))?,
        outcome: outcome
            .map(|word| Outcome::parse(&word).ok_or_else(|| unreadable("events.outcome")))
            .transpose()?,
        media: media_ids(&media)?,
    };
    let chat: String = row.try_get("chat")?;
    let id: Option<String> = row.try_get("message_id")?;
    let message = MessageKey {
        chat: chat.clone(),
        from_me: row.try_get::<Option<bool>, _>("from_me")?.unwrap_or(false),
        participant: row.try_get("participant")?,
        id: id.unwrap_or_default(),
    };
    Ok(Delivery {
        trace: message.trace_id(session),
        id: row.try_get("number")?,
        endpoint: row.try_get("endpoint")?,
        chat,
        attempts: count(row.try_get("attempts")?),
        event,
        first_due: time(row.try_get("opened_at")?)?,
    })
}
