//! `MediaInfo`: what callers and applications see of a media record (`titan-api.md` §2.1).

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bucket::ObjectUrl;
use crate::media::MediaKind;
use crate::message::SessionKey;
use crate::store::{MediaError, MediaRecord, MediaStatus};

/// What a file is called whose sender named no type.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A media file as API and webhooks show it. The first seven members are Titan's, the rest is
/// additive. Times are ISO 8601 in UTC.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaInfo {
    /// Media id, stable over redeliveries.
    pub id: String,
    /// WhatsApp's id of the message that carries it.
    pub message_id: String,
    /// Session that received it.
    pub session: String,
    /// MIME type as the sender declared it, parameters kept; `application/octet-stream` where
    /// the sender declared none.
    pub mime_type: String,
    /// Plaintext length in bytes: the verified one once stored, the declared one before; absent
    /// while nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_length: Option<u64>,
    /// The file is in the tenant's bucket.
    pub persisted: bool,
    /// URL of the object, as `spec.url` of the storage says; only when persisted.
    #[serde(rename = "s3Url", skip_serializing_if = "Option::is_none")]
    pub s3_url: Option<String>,
    /// When `s3Url` stops working; absent for URLs that don't expire.
    #[serde(rename = "s3UrlExpiresAt", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub s3_url_expires_at: Option<Timestamp>,
    /// `image`, `video`, `audio`, `document` or `sticker`.
    #[schema(value_type = String)]
    pub kind: MediaKind,
    /// The sender's file name, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// SHA-256 of the plaintext, lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where the file is on its way to the bucket: `received` (nobody asked to save it), `queued`,
    /// `running`, `waiting`, `stored` or `failed`.
    #[schema(value_type = String)]
    pub status: MediaStatus,
    /// Why it failed, or why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<MediaInfoError>,
    /// Bucket of the object; only when persisted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Key of the object; only when persisted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When the gateway handed the message over.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// When WhatsApp's CDN is expected to drop the file.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Why a file is not in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MediaInfoError {
    /// Stable code, such as `media_invalid` or `media_expired`.
    pub code: String,
    /// The same in words.
    pub message: String,
    /// Whether it may still succeed.
    pub retryable: bool,
}

/// Whoever can say what a record looks like now: the session with its current bucket, which makes
/// the URLs.
pub trait MediaInfos: Send + Sync {
    /// The MediaInfo of `record` at `now`, its URL fresh.
    fn info(&self, record: &MediaRecord, now: Timestamp) -> MediaInfo;
}

/// The MediaInfo of `record`, of session `session`. `url` is that of its object and is left out
/// unless the file is stored.
#[must_use]
pub fn media_info(
    session: &SessionKey,
    record: &MediaRecord,
    url: Option<&ObjectUrl>,
) -> MediaInfo {
    let reference = &record.reference;
    let persisted = record.status == MediaStatus::Stored;
    let url = url.filter(|_| persisted);
    let sha256 = record.stored_sha256.or(reference.sha256);
    let only_persisted = |value: &Option<String>| value.clone().filter(|_| persisted);
    MediaInfo {
        id: record.id.0.clone(),
        message_id: record.message.id.clone(),
        session: session.session.clone(),
        mime_type: reference
            .mime_type
            .as_deref()
            .unwrap_or(UNKNOWN_TYPE)
            .to_owned(),
        file_length: record.stored_length.or(reference.file_length),
        persisted,
        s3_url: url.map(|url| url.url.clone()),
        s3_url_expires_at: url.and_then(|url| url.expires_at),
        kind: reference.kind,
        file_name: reference.file_name.clone(),
        sha256: sha256.map(hex::encode),
        status: record.status,
        error: record.error.as_ref().map(MediaInfoError::from),
        bucket: only_persisted(&record.bucket),
        key: only_persisted(&record.key),
        received_at: record.received_at,
        expires_at: record.expires_at,
    }
}

// === impl MediaInfo ===

impl fmt::Debug for MediaInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaInfo")
            .field("id", &self.id)
            .field("session", &self.session)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

// === impl MediaInfoError ===

impl From<&MediaError> for MediaInfoError {
    fn from(error: &MediaError) -> Self {
        let MediaError {
            code,
            message,
            retryable,
        } = error;
        Self {
            code: code.clone(),
            message: message.clone(),
            retryable: *retryable,
        }
    }
}

#[cfg(test)]
#[path = "media_info_tests.rs"]
mod tests;
