//! Media references: from WhatsApp's message types to one form, with the sender's faults named.

use waproto::whatsapp::message as wa;

use super::content::{MediaReference, Thumbnail};
use super::path;
use crate::media::{MediaKey, MediaKind, MediaType};

/// WhatsApp's own hard cap of a file, 2 GiB.
const MAX_LENGTH: u64 = 2 << 30;

/// The fields that bind a file's bytes, as the sender wrote them.
#[derive(Default)]
struct Wire<'a> {
    url: Option<&'a str>,
    static_url: Option<&'a str>,
    direct_path: Option<&'a str>,
    media_key: Option<&'a [u8]>,
    sha256: Option<&'a [u8]>,
    enc_sha256: Option<&'a [u8]>,
    length: Option<u64>,
}

/// A thumbnail's fields: path, SHA-256, SHA-256 of the blob.
type WireThumbnail<'a> = (&'a Option<String>, &'a Option<Vec<u8>>, &'a Option<Vec<u8>>);

/// A picture.
pub(super) fn image(message: &wa::ImageMessage) -> MediaReference {
    let wire = Wire {
        url: message.url.as_deref(),
        static_url: message.static_url.as_deref(),
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        width: message.width,
        height: message.height,
        thumbnail: thumbnail((
            &message.thumbnail_direct_path,
            &message.thumbnail_sha256,
            &message.thumbnail_enc_sha256,
        )),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(MediaKind::Image, MediaType::Image, &wire)
    }
}

/// A video, GIF playback and round video notes included.
pub(super) fn video(message: &wa::VideoMessage) -> MediaReference {
    let wire = Wire {
        url: message.url.as_deref(),
        static_url: message.static_url.as_deref(),
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        seconds: message.seconds,
        width: message.width,
        height: message.height,
        streaming_sidecar: bytes(message.streaming_sidecar.as_ref()),
        thumbnail: thumbnail((
            &message.thumbnail_direct_path,
            &message.thumbnail_sha256,
            &message.thumbnail_enc_sha256,
        )),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(MediaKind::Video, MediaType::Video, &wire)
    }
}

/// Music or a voice note.
pub(super) fn audio(message: &wa::AudioMessage) -> MediaReference {
    let wire = Wire {
        url: message.url.as_deref(),
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
        ..Wire::default()
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        seconds: message.seconds,
        ptt: message.ptt == Some(true),
        streaming_sidecar: bytes(message.streaming_sidecar.as_ref()),
        ..reference(MediaKind::Audio, MediaType::Audio, &wire)
    }
}

/// Any file.
pub(super) fn document(message: &wa::DocumentMessage) -> MediaReference {
    let wire = Wire {
        url: message.url.as_deref(),
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
        ..Wire::default()
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        file_name: text(message.file_name.as_ref()).or_else(|| text(message.title.as_ref())),
        thumbnail: thumbnail((
            &message.thumbnail_direct_path,
            &message.thumbnail_sha256,
            &message.thumbnail_enc_sha256,
        )),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(MediaKind::Document, MediaType::Document, &wire)
    }
}

/// A sticker, Lottie ones included.
pub(super) fn sticker(message: &wa::StickerMessage) -> MediaReference {
    let wire = Wire {
        url: message.url.as_deref(),
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
        ..Wire::default()
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        width: message.width,
        height: message.height,
        ..reference(MediaKind::Sticker, MediaType::Sticker, &wire)
    }
}

/// A pack of stickers: one ZIP file.
pub(super) fn sticker_pack(message: &wa::StickerPackMessage) -> MediaReference {
    let wire = Wire {
        direct_path: message.direct_path.as_deref(),
        media_key: message.media_key.as_deref(),
        sha256: message.file_sha256.as_deref(),
        enc_sha256: message.file_enc_sha256.as_deref(),
        length: message.file_length,
        ..Wire::default()
    };
    MediaReference {
        mime_type: Some("application/zip".to_owned()),
        file_name: text(message.name.as_ref()),
        thumbnail: thumbnail((
            &message.thumbnail_direct_path,
            &message.thumbnail_sha256,
            &message.thumbnail_enc_sha256,
        )),
        ..reference(MediaKind::Sticker, MediaType::Sticker, &wire)
    }
}

fn reference(kind: MediaKind, media_type: MediaType, wire: &Wire<'_>) -> MediaReference {
    let wire = wire.without_empty_key();
    let fault = wire.fault();
    let plain = wire.media_key.is_none();
    let url = if plain {
        usable(wire.static_url).or(usable(wire.url))
    } else {
        usable(wire.url)
    };
    MediaReference {
        kind,
        media_type,
        direct_path: usable(wire.direct_path).map(str::to_owned),
        url: url.map(str::to_owned),
        media_key: wire.media_key.and_then(array).map(MediaKey),
        sha256: wire.sha256.and_then(array),
        enc_sha256: wire.enc_sha256.and_then(array),
        file_length: wire.length,
        mime_type: None,
        file_name: None,
        seconds: None,
        ptt: false,
        width: None,
        height: None,
        streaming_sidecar: None,
        thumbnail: None,
        jpeg_thumbnail: None,
        fault,
    }
}

/// A thumbnail of its own; left out when it is not usable, since the file itself is not at fault.
fn thumbnail((direct_path, sha256, enc_sha256): WireThumbnail<'_>) -> Option<Thumbnail> {
    let direct_path = direct_path.as_deref()?;
    path::check(direct_path).ok()?;
    let sha256 = sha256.as_deref().and_then(array);
    let enc_sha256 = enc_sha256.as_deref().and_then(array);
    (sha256.is_some() || enc_sha256.is_some()).then(|| Thumbnail {
        direct_path: direct_path.to_owned(),
        sha256,
        enc_sha256,
    })
}

fn array(bytes: &[u8]) -> Option<[u8; 32]> {
    bytes.try_into().ok()
}

fn text(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

fn bytes(value: Option<&Vec<u8>>) -> Option<Vec<u8>> {
    value.filter(|bytes| !bytes.is_empty()).cloned()
}

fn usable(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

// === impl Wire ===

impl<'a> Wire<'a> {
    /// Some gateways write absent byte strings as empty ones. Without key and blob hash the file
    /// is plaintext (channels); one of the two alone is not taken for absent.
    fn without_empty_key(&self) -> Self {
        let empty = |bytes: Option<&[u8]>| bytes.is_none_or(<[u8]>::is_empty);
        let plain = empty(self.media_key) && empty(self.enc_sha256);
        Wire {
            media_key: self.media_key.filter(|_| !plain),
            enc_sha256: self.enc_sha256.filter(|_| !plain),
            ..*self
        }
    }

    /// The first reason why this file can't be fetched or proved, in words that name the field.
    fn fault(&self) -> Option<String> {
        for (name, bytes) in [
            ("mediaKey", self.media_key),
            ("fileSha256", self.sha256),
            ("fileEncSha256", self.enc_sha256),
        ] {
            if let Some(bytes) = bytes.filter(|bytes| bytes.len() != 32) {
                return Some(format!("{name} is {} bytes, not 32", bytes.len()));
            }
        }
        if self.media_key.is_none() && self.enc_sha256.is_some() {
            return Some("mediaKey is missing for an encrypted file".to_owned());
        }
        if self.media_key.is_none() && self.sha256.is_none() {
            return Some("mediaKey and fileSha256 are missing".to_owned());
        }
        if let Some(length) = self.length.filter(|length| *length > MAX_LENGTH) {
            return Some(length_fault(length));
        }
        self.path_fault()
    }

    fn path_fault(&self) -> Option<String> {
        if let Some(direct_path) = usable(self.direct_path) {
            return path::check(direct_path)
                .err()
                .map(|why| format!("directPath {why}"));
        }
        let urls = [self.url, self.static_url];
        if urls.into_iter().all(|url| usable(url).is_none()) {
            return Some("directPath and url are missing".to_owned());
        }
        let named = urls.into_iter().flatten().any(names_a_file);
        (!named).then(|| "directPath is missing and url names no file".to_owned())
    }
}

fn length_fault(length: u64) -> String {
    // Gateways render an int64; a value past its range is a negative number.
    match i64::try_from(length) {
        Ok(_) => format!("fileLength is {length}, more than 2 GiB"),
        Err(_) => format!("fileLength is {}, not a length", length.cast_signed()),
    }
}

/// Whether a URL can be fetched at all: stickers often carry just `https://web.whatsapp.net/`.
fn names_a_file(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.path().len() > 1
    })
}
