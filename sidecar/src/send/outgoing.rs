//! A message to send, as understood: checked, and its file known by its bytes. Pure.

use serde::{Deserialize, Serialize};

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Normalised JID of the chat: `…@s.whatsapp.net`, `…@lid`, `…@g.us`, `…@newsletter` or
    /// `status@broadcast`.
    pub chat: String,
    /// What it says.
    pub content: Content,
    /// The message that it answers.
    pub quoted: Option<Quoted>,
    /// Normalised JIDs of who is mentioned; each stands in the text with `@` too. At most 256.
    pub mentions: Vec<String>,
    /// Whether it is marked as forwarded.
    #[serde(default)]
    pub forwarded: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Whether a link in them gets a preview; `None`: as is usual where it is sent.
        link_preview: Option<bool>,
    },
    /// A file.
    File(Attachment),
}

/// What is known of a file; its bytes lie elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is sent as.
    pub kind: OutgoingKind,
    /// MIME type, by its bytes.
    pub mime: String,
    /// Length in bytes.
    pub length: u64,
    /// Name that the receiver sees; always there for [`OutgoingKind::Document`].
    pub file_name: Option<String>,
    /// Words below it.
    pub caption: Option<String>,
}

/// What a file is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutgoingKind {
    /// A picture: JPEG, PNG or WebP.
    Image,
    /// A video: MP4.
    Video,
    /// Sound: OGG or MP3.
    Audio {
        /// Shown as a voice note ("push to talk").
        voice_note: bool,
    },
    /// Any file.
    Document,
    /// A sticker: WebP.
    Sticker,
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// WhatsApp's id of it.
    pub id: String,
    /// Normalised JID of who sent it, where the caller says so.
    pub participant: Option<String>,
    /// Whether the session's own account sent it.
    pub from_me: bool,
}
