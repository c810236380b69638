//! `MediaInfo`: what callers and applications see of a media record (`titan-api.md` §2.1).

use serde::Serialize;
use utoipa::ToSchema;

use crate::media::MediaKind;

/// A media file as API and webhooks show it. The first seven members are Titan's, the rest is
/// additive. Times are ISO 8601 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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
    #[schema(format = DateTime)]
    pub s3_url_expires_at: Option<String>,
    /// `image`, `video`, `audio`, `document` or `sticker`.
    #[schema(value_type = String)]
    pub kind: MediaKind,
    /// The sender's file name, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// SHA-256 of the plaintext, lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where the file is on its way to the bucket.
    pub status: String,
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
    #[schema(format = DateTime)]
    pub received_at: String,
    /// When WhatsApp's CDN is expected to drop the file.
    #[schema(format = DateTime)]
    pub expires_at: String,
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
