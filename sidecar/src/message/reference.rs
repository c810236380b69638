//! Media references: from WhatsApp's message types to one form, with the sender's faults named.

use waproto::whatsapp::message as wa;

use super::content::{MediaReference, Thumbnail};
use crate::cdn::url::check_direct_path;
use crate::media::{MediaKey, MediaKind, MediaType};

/// WhatsApp's own hard cap of a file, 2 GiB.
const MAX_LENGTH: u64 = 2 << 30;

/// The fields that bind a file's bytes, as the sender wrote them.
struct Wire<'a> {
    url: Option<&'a str>,
    static_url: Option<&'a str>,
    direct_path: Option<&'a str>,
    media_key: Option<&'a [u8]>,
    sha256: Option<&'a [u8]>,
    enc_sha256: Option<&'a [u8]>,
    length: Option<u64>,
}

/// The binding fields of a message type, which have the same names in all of them; then its URLs.
macro_rules! wire {
    ($message:ident, $url:expr, $static_url:expr) => {
        Wire {
            url: $url,
            static_url: $static_url,
            direct_path: $message.direct_path.as_deref(),
            media_key: $message.media_key.as_deref(),
            sha256: $message.file_sha256.as_deref(),
            enc_sha256: $message.file_enc_sha256.as_deref(),
            length: $message.file_length,
        }
    };
}

/// The thumbnail of a message type that can have one on the CDN.
macro_rules! thumbnail {
    ($message:ident) => {
        thumbnail(
            $message.thumbnail_direct_path.as_deref(),
            $message.thumbnail_sha256.as_deref(),
            $message.thumbnail_enc_sha256.as_deref(),
        )
    };
}

/// A picture.
pub(super) fn image(message: &wa::ImageMessage) -> MediaReference {
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        width: message.width,
        height: message.height,
        thumbnail: thumbnail!(message),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(
            MediaType::Image,
            &wire!(
                message,
                message.url.as_deref(),
                message.static_url.as_deref()
            ),
        )
    }
}

/// A video, GIF playback included.
pub(super) fn video(message: &wa::VideoMessage) -> MediaReference {
    let media_type = match message.gif_playback {
        Some(true) => MediaType::Gif,
        _ => MediaType::Video,
    };
    video_as(media_type, message)
}

/// A round video note.
pub(super) fn video_note(message: &wa::VideoMessage) -> MediaReference {
    video_as(MediaType::Ptv, message)
}

fn video_as(media_type: MediaType, message: &wa::VideoMessage) -> MediaReference {
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        seconds: message.seconds,
        width: message.width,
        height: message.height,
        streaming_sidecar: bytes(message.streaming_sidecar.as_ref()),
        thumbnail: thumbnail!(message),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(
            media_type,
            &wire!(
                message,
                message.url.as_deref(),
                message.static_url.as_deref()
            ),
        )
    }
}

/// Music or a voice note.
pub(super) fn audio(message: &wa::AudioMessage) -> MediaReference {
    let ptt = message.ptt == Some(true);
    let media_type = if ptt {
        MediaType::Ptt
    } else {
        MediaType::Audio
    };
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        seconds: message.seconds,
        ptt,
        streaming_sidecar: bytes(message.streaming_sidecar.as_ref()),
        ..reference(media_type, &wire!(message, message.url.as_deref(), None))
    }
}

/// Any file.
pub(super) fn document(message: &wa::DocumentMessage) -> MediaReference {
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        file_name: text(message.file_name.as_ref()).or_else(|| text(message.title.as_ref())),
        thumbnail: thumbnail!(message),
        jpeg_thumbnail: bytes(message.jpeg_thumbnail.as_ref()),
        ..reference(
            MediaType::Document,
            &wire!(message, message.url.as_deref(), None),
        )
    }
}

/// A sticker, Lottie ones included.
pub(super) fn sticker(message: &wa::StickerMessage) -> MediaReference {
    MediaReference {
        mime_type: text(message.mimetype.as_ref()),
        width: message.width,
        height: message.height,
        jpeg_thumbnail: bytes(message.png_thumbnail.as_ref()),
        ..reference(
            MediaType::Sticker,
            &wire!(message, message.url.as_deref(), None),
        )
    }
}

/// A pack of stickers: one ZIP file.
pub(super) fn sticker_pack(message: &wa::StickerPackMessage) -> MediaReference {
    MediaReference {
        mime_type: Some("application/zip".to_owned()),
        file_name: text(message.name.as_ref()),
        thumbnail: thumbnail!(message),
        ..reference(MediaType::StickerPack, &wire!(message, None, None))
    }
}

fn reference(media_type: MediaType, wire: &Wire<'_>) -> MediaReference {
    let wire = wire.without_empty_key();
    let fault = wire.fault();
    let plain = wire.media_key.is_none();
    let url = if plain {
        usable(wire.static_url).or_else(|| usable(wire.url))
    } else {
        usable(wire.url)
    };
    MediaReference {
        direct_path: usable(wire.direct_path).map(str::to_owned),
        url: url.map(str::to_owned),
        media_key: wire.media_key.and_then(array).map(MediaKey),
        sha256: wire.sha256.and_then(array),
        enc_sha256: wire.enc_sha256.and_then(array),
        file_length: wire.length,
        fault,
        ..MediaReference::unknown(kind(media_type), media_type)
    }
}

fn kind(media_type: MediaType) -> MediaKind {
    match media_type {
        MediaType::Video | MediaType::Gif | MediaType::Ptv => MediaKind::Video,
        MediaType::Audio | MediaType::Ptt => MediaKind::Audio,
        MediaType::Sticker | MediaType::StickerPack => MediaKind::Sticker,
        MediaType::Document => MediaKind::Document,
        _ => MediaKind::Image,
    }
}

/// A thumbnail of its own; left out when it is not usable, since the file itself is not at fault.
fn thumbnail(
    direct_path: Option<&str>,
    sha256: Option<&[u8]>,
    enc_sha256: Option<&[u8]>,
) -> Option<Thumbnail> {
    let direct_path = direct_path.filter(|path| check_direct_path(path).is_ok())?;
    let sha256 = sha256.and_then(array);
    let enc_sha256 = enc_sha256.and_then(array);
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

impl Wire<'_> {
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
            return check_direct_path(direct_path).err().map(str::to_owned);
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
