//! What a message says, once every wrapper is off: the form that store, webhook and transfer share.

use serde::{Deserialize, Serialize};

use super::identity::MessageKey;
use crate::media::{MediaKey, MediaKind, MediaType};

/// One message of one gateway request, understood.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Which message this is.
    pub key: MessageKey,
    /// Phone number (E.164 digits, no `+`) of the sender, where the payload gives it.
    pub sender_phone: Option<String>,
    /// LID user part of the sender, where the payload gives it.
    pub sender_lid: Option<String>,
    /// When WhatsApp says it was sent, Unix seconds (UTC).
    pub timestamp: Option<i64>,
    /// The sender's own display name.
    pub push_name: Option<String>,
    /// Of the chats' history: it was sent before the device was linked, or may have been.
    pub history: bool,
    /// What happened.
    pub event: Event,
}

/// What a message does. Each variant becomes one webhook event of the name in its docs.
#[derive(Debug, Clone)]
pub enum Event {
    /// `message.received`.
    Received(Content),
    /// `message.edited`: `target` is the id of the edited message.
    Edited {
        /// Id of the message that was edited.
        target: String,
        /// Its new content.
        content: Content,
    },
    /// `message.revoked`: `target` was deleted for everyone.
    Revoked {
        /// Id of the message that was deleted.
        target: String,
    },
    /// `message.reaction`: an empty `reaction` removes it.
    Reaction {
        /// Id of the message reacted to.
        target: String,
        /// The emoji.
        reaction: String,
    },
    /// `message.vote` on a poll. The choice itself is end-to-end encrypted.
    Vote {
        /// Id of the poll message.
        target: String,
    },
    /// A ciphertext stub, an undecryptable or an `unavailable` message: never counts as the
    /// message, so content that arrives later under its id is new. `reason` is a fixed word.
    Placeholder {
        /// `ciphertext`, `undecryptable`, `view_once_unavailable` …
        reason: &'static str,
    },
}

/// The visible content of a message.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// `text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contact`, `poll`,
    /// `album`, `unknown` … (names of `titan-api.md` §5.4).
    pub kind: String,
    /// Text of a text message.
    pub text: Option<String>,
    /// Caption of a media message.
    pub caption: Option<String>,
    /// Id of the message that this one answers.
    pub quoted_id: Option<String>,
    /// JIDs mentioned.
    pub mentions: Vec<String>,
    /// Forwarded by its sender.
    pub forwarded: bool,
    /// Marked view-once.
    pub view_once: bool,
    /// The parent message and association of an album picture or an HD twin.
    pub association: Option<Association>,
    /// Media in the order found; the index is the position that goes into the media id.
    pub media: Vec<MediaReference>,
    /// Set when the structure itself is refused (too deep): announced as `media_invalid`.
    pub fault: Option<String>,
}

/// `messageContextInfo.messageAssociation`: album pictures, HD twins, motion photos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// `media_album`, `hd_video_dual_upload` … lower-case proto enum name.
    pub kind: String,
    /// Id of the parent message.
    pub parent_id: String,
    /// Index in the album.
    pub index: Option<i32>,
}

/// An encrypted file on WhatsApp's CDN, as its message describes it. Everything in it is the
/// *sender's* word, except that the three hashes bind the bytes.
#[derive(Debug, Clone)]
pub struct MediaReference {
    /// The kind that callers see.
    pub kind: MediaKind,
    /// Key derivation string and CDN type.
    pub media_type: MediaType,
    /// Path with its signed query, below a CDN host.
    pub direct_path: Option<String>,
    /// Full URL (fallback; `staticUrl` of newsletter media too).
    pub url: Option<String>,
    /// 32-byte media key; `None` for newsletter media, which is plaintext on the CDN.
    pub media_key: Option<MediaKey>,
    /// SHA-256 of the plaintext.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 of the blob on the CDN.
    pub enc_sha256: Option<[u8; 32]>,
    /// Plaintext length in bytes, as declared.
    pub file_length: Option<u64>,
    /// MIME type, parameters kept.
    pub mime_type: Option<String>,
    /// Sender's file name, raw.
    pub file_name: Option<String>,
    /// Duration of audio or video, seconds.
    pub seconds: Option<u32>,
    /// A voice note.
    pub ptt: bool,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Streaming sidecar: 10-byte MACs of 64 KiB chunks.
    pub streaming_sidecar: Option<Vec<u8>>,
    /// Thumbnail on the CDN.
    pub thumbnail: Option<Thumbnail>,
    /// Inline thumbnail: a JPEG, and of a sticker a PNG.
    pub jpeg_thumbnail: Option<Vec<u8>>,
    /// Why this file will never be fetched: the sender's fault, in words that name the field.
    pub fault: Option<String>,
}

impl MediaReference {
    /// A file of which nothing is known yet.
    #[must_use]
    pub fn unknown(kind: MediaKind, media_type: MediaType) -> Self {
        Self {
            kind,
            media_type,
            direct_path: None,
            url: None,
            media_key: None,
            sha256: None,
            enc_sha256: None,
            file_length: None,
            mime_type: None,
            file_name: None,
            seconds: None,
            ptt: false,
            width: None,
            height: None,
            streaming_sidecar: None,
            thumbnail: None,
            jpeg_thumbnail: None,
            fault: None,
        }
    }

    /// The declared MIME type, parameters kept, where it can stand in a header; else
    /// `application/octet-stream`.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.mime_type
            .as_deref()
            // A quoted parameter of a MIME type may be UTF-8; a header's value may not.
            .filter(|declared| declared.is_ascii() && declared.parse::<mime::Mime>().is_ok())
            .unwrap_or("application/octet-stream")
    }
}

/// A thumbnail of its own on the CDN, under the parent's media key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Path below a CDN host.
    pub direct_path: String,
    /// SHA-256 of the plaintext.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 of the blob.
    pub enc_sha256: Option<[u8; 32]>,
}
