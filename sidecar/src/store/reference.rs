//! A media reference as columns: everything but its key as JSON, the key sealed, the two large
//! byte strings apart.

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::media::{MediaKind, MediaType};
use crate::message::{MediaReference, Thumbnail};

/// The reference's columns without the media key.
#[derive(Debug, Clone)]
pub(super) struct ReferenceColumns {
    /// JSON of [`Description`].
    pub(super) json: String,
    pub(super) streaming_sidecar: Option<Vec<u8>>,
    pub(super) jpeg_thumbnail: Option<Vec<u8>>,
}

/// The JSON column. Every field but the two types may be missing: releases add to it.
#[derive(Serialize, Deserialize)]
struct Description {
    kind: MediaKind,
    media_type: MediaType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direct_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "digest")]
    sha256: Option<[u8; 32]>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "digest")]
    enc_sha256: Option<[u8; 32]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    #[serde(default)]
    ptt: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbnail: Option<Thumbnail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// A digest as hex.
mod digest {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's signature"
    )]
    pub(super) fn serialize<S: Serializer>(
        digest: &Option<[u8; 32]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => serializer.serialize_str(&hex::encode(digest)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; 32]>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let mut digest = [0; 32];
        hex::decode_to_slice(&text, &mut digest).map_err(D::Error::custom)?;
        Ok(Some(digest))
    }
}

/// Splits a reference into its columns: takes the large byte strings out of it, and leaves the
/// media key, which is the caller's to seal.
pub(super) fn to_columns(reference: &mut MediaReference) -> Result<ReferenceColumns, StoreError> {
    let streaming_sidecar = reference.streaming_sidecar.take();
    let jpeg_thumbnail = reference.jpeg_thumbnail.take();
    let description = describe(reference.clone());
    let json = serde_json::to_string(&description).map_err(|_| StoreError::Unreadable {
        column: "media.reference",
    })?;
    Ok(ReferenceColumns {
        json,
        streaming_sidecar,
        jpeg_thumbnail,
    })
}

/// Named one by one: a new field must not be forgotten here.
fn describe(reference: MediaReference) -> Description {
    let MediaReference {
        kind,
        media_type,
        direct_path,
        url,
        sha256,
        enc_sha256,
        file_length,
        mime_type,
        file_name,
        seconds,
        ptt,
        width,
        height,
        thumbnail,
        fault,
        media_key: _,
        streaming_sidecar: _,
        jpeg_thumbnail: _,
    } = reference;
    Description {
        kind,
        media_type,
        direct_path,
        url,
        sha256,
        enc_sha256,
        file_length,
        mime_type,
        file_name,
        seconds,
        ptt,
        width,
        height,
        thumbnail,
        fault,
    }
}

/// Joins the columns again, without the media key.
pub(super) fn from_columns(columns: ReferenceColumns) -> Result<MediaReference, StoreError> {
    let unreadable = StoreError::Unreadable {
        column: "media.reference",
    };
    let description: Description = serde_json::from_str(&columns.json).map_err(|_| unreadable)?;
    Ok(MediaReference {
        kind: description.kind,
        media_type: description.media_type,
        direct_path: description.direct_path,
        url: description.url,
        media_key: None,
        sha256: description.sha256,
        enc_sha256: description.enc_sha256,
        file_length: description.file_length,
        mime_type: description.mime_type,
        file_name: description.file_name,
        seconds: description.seconds,
        ptt: description.ptt,
        width: description.width,
        height: description.height,
        streaming_sidecar: columns.streaming_sidecar,
        thumbnail: description.thumbnail,
        jpeg_thumbnail: columns.jpeg_thumbnail,
        fault: description.fault,
    })
}

/// The JSON column of a file that is elsewhere now. Its full URL is of no use any more.
pub(super) fn moved(json: &str, direct_path: &str) -> Result<String, StoreError> {
    let unreadable = |_| StoreError::Unreadable {
        column: "media.reference",
    };
    let mut description: Description = serde_json::from_str(json).map_err(unreadable)?;
    description.direct_path = Some(direct_path.to_owned());
    description.url = None;
    serde_json::to_string(&description).map_err(unreadable)
}

/// The word of a kind in the `kind` column and in answers.
pub(super) fn kind_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
        MediaKind::Sticker => "sticker",
    }
}

/// Whether a redelivered reference is to replace the kept one (design §4.2): another path, or the
/// same path with a later `oe`; never one that ends earlier than what we have, and never a faulty.
pub(super) fn is_newer(kept: &MediaReference, offered: &MediaReference) -> bool {
    if offered.fault.is_some() {
        return false;
    }
    if kept.fault.is_some() {
        return true;
    }
    let (Some(old), Some(new)) = (path_of(kept), path_of(offered)) else {
        return path_of(kept).is_none() && path_of(offered).is_some();
    };
    let elsewhere = without_query(old) != without_query(new);
    match (expiry(old), expiry(new)) {
        (Some(before), Some(after)) => after > before || (elsewhere && after == before),
        (None, Some(_)) => true,
        (_, None) => elsewhere,
    }
}

fn path_of(reference: &MediaReference) -> Option<&str> {
    reference
        .direct_path
        .as_deref()
        .or(reference.url.as_deref())
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// `oe` of a path: Unix seconds in hex.
fn expiry(path: &str) -> Option<u64> {
    let (_, query) = path.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("oe="))
        .and_then(|value| u64::from_str_radix(value, 16).ok())
}
