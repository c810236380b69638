//! A file's thumbnail: the larger one on the CDN while it lasts, else the small one that came with
//! the message.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::{
    TransferError,
    source::{self, Fetch, VERIFY_IN_MEMORY},
};
use crate::{
    clock,
    message::{MediaReference, Thumbnail},
    session::Session,
    store::MediaRecord,
};

/// A picture, whole and verified.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its bytes.
    pub bytes: Bytes,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// What the bytes are; never what a sender says they are.
    pub content_type: &'static str,
}

/// Fetches the thumbnail of a file.
///
/// # Errors
///
/// [`TransferError::NoThumbnail`] where the message has none; else why the one on the CDN, which is
/// the only one, is not to be had.
pub async fn thumbnail(session: &Session, record: &MediaRecord) -> Result<Picture, TransferError> {
    let inline = inline(&record.reference);
    let Some(reference) = on_cdn(&record.reference) else {
        return inline.ok_or(TransferError::NoThumbnail);
    };
    let error = match fetch(session, record, &reference).await {
        Ok(picture) => return Ok(picture),
        Err(error) => error.as_of(record.expires_at, clock::now()),
    };
    tracing::info!(session = %session.key(), media = %record.id, %error, "no thumbnail from the CDN");
    inline.ok_or(error)
}

/// The thumbnail that came with the message, if it is a picture.
#[must_use]
pub fn inline(media: &MediaReference) -> Option<Picture> {
    Picture::of(Bytes::copy_from_slice(media.jpeg_thumbnail.as_deref()?)).ok()
}

/// The thumbnail on the CDN as a file of its own: other path, other type, the same key.
#[must_use]
pub fn on_cdn(media: &MediaReference) -> Option<MediaReference> {
    let media_type = media.media_type.thumbnail()?;
    let Thumbnail {
        direct_path,
        sha256,
        enc_sha256,
    } = media.thumbnail.clone()?;
    Some(MediaReference {
        media_type,
        direct_path: Some(direct_path),
        url: None,
        sha256,
        enc_sha256,
        file_length: None,
        streaming_sidecar: None,
        thumbnail: None,
        jpeg_thumbnail: None,
        ..media.clone()
    })
}

async fn fetch(
    session: &Session,
    record: &MediaRecord,
    reference: &MediaReference,
) -> Result<Picture, TransferError> {
    let fetch = Fetch {
        // Larger is no thumbnail; this way it is verified before any of it is sent.
        max_bytes: VERIFY_IN_MEMORY,
        prefer_host: record.integrity_failures as usize,
        settle_length: true,
    };
    let mut source = session
        .over_cdn(|cdn| async move { source::open(&cdn, reference, fetch).await })
        .await?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = source.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Picture::of(bytes.freeze())
}

// === impl Picture ===

impl Picture {
    fn of(bytes: Bytes) -> Result<Self, TransferError> {
        let content_type = picture_type(&bytes).ok_or(TransferError::NoThumbnail)?;
        Ok(Self {
            sha256: Sha256::digest(&bytes).into(),
            bytes,
            content_type,
        })
    }
}

/// What a picture's first bytes say it is.
fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("image/png"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_bytes() {
        assert_eq!(picture_type(b"\xFF\xD8\xFF\xE0"), Some("image/jpeg"));
        assert_eq!(picture_type(b"\x89PNG\r\n\x1A\n0"), Some("image/png"));
        assert_eq!(picture_type(b"RIFF0000WEBPVP8 "), Some("image/webp"));
        for other in [&b""[..], b"<svg>", b"RIFF0000WAVE", b"\xFF\xD8"] {
            assert_eq!(picture_type(other), None);
        }
    }
}
