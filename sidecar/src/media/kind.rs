//! Kinds that callers see, and types that the CDN and the key derivation know.

use serde::{Deserialize, Serialize};

/// The five kinds of received media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A video, GIF playback and round video notes included.
    Video,
    /// Music or a voice note.
    Audio,
    /// Any file.
    Document,
    /// A sticker or a sticker pack.
    Sticker,
}

/// WhatsApp's own type of a file: picks the HKDF info string and the `mms-type` of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaType {
    /// `image`.
    Image,
    /// `video`.
    Video,
    /// `audio`.
    Audio,
    /// `document`.
    Document,
    /// `sticker`.
    Sticker,
}
