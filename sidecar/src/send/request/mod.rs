//! The body of `POST /api/messages/send`: read as a stream, checked, and understood.
//!
//! A body may hold 70 MiB of base64, and its `type` may stand after that, so nothing is kept but
//! small values: base64 is decoded as it arrives and goes to a sink that the caller opens, and
//! everything beside it is bounded, name by name and as a whole.
//!
//! `body` is the stream and its bounds, `encoded` the decoding, `read` goes through the fields,
//! `value` knows what a value must look like and `check` which values go together.

mod body;
mod check;
mod encoded;
mod error;
mod read;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;

pub use self::encoded::MOST_BASE64;
pub use self::error::{Refusal, RequestError};
pub use self::read::read;
use super::kind::Found;
use super::outgoing::{Attachment, Content, Outgoing, OutgoingKind, Quoted};

/// What a caller asks for: every value checked, and those there that its type needs. `W` is where
/// the bytes of `base64` went.
#[derive(Debug)]
pub struct Request<W> {
    /// Session named in the body; the path may name it instead.
    pub session: Option<String>,
    /// Normalised JID of the chat.
    pub chat_id: String,
    /// What is to be sent.
    pub type_: RequestType,
    /// Words of a text; never empty, at most 65,536 bytes.
    pub text: Option<String>,
    /// Words below an image, a video or a file; never empty, at most 4,096 bytes: room for the
    /// 1,024 characters that WhatsApp shows.
    pub caption: Option<String>,
    /// Name that the receiver sees; always there for [`RequestType::File`].
    pub filename: Option<String>,
    /// Whether sound is a voice note: it is, unless the caller says no.
    pub ptt: bool,
    /// Whether a link in a text gets a preview; `None`: not said.
    pub link_preview: Option<bool>,
    /// The message that it answers.
    pub quoted: Option<Quoted>,
    /// Normalised JIDs, each once, all of them standing in the text or caption.
    pub mentions: Vec<String>,
    /// Whether it is to be marked as forwarded.
    pub is_forwarded: bool,
    /// Where the file is; there for every type but text.
    pub file: Option<Source<W>>,
}

/// What a caller wants sent, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// Words alone.
    Text,
    /// A picture.
    Image,
    /// A video.
    Video,
    /// Sound, as a voice note or not.
    Voice,
    /// Any file, as a document.
    File,
    /// A sticker.
    Sticker,
}

/// Where the bytes of a file are.
pub enum Source<W> {
    /// To be fetched from here. Not looked at yet, but for its length.
    Url(String),
    /// Decoded from the body; all bytes are in the sink, which the caller finishes.
    Base64(W),
}

/// A file whose bytes have been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// What it is by its bytes.
    pub found: Found,
    /// Length in bytes.
    pub length: u64,
}

// === impl Request ===

impl<W> Request<W> {
    /// The message, now that its file is known. Take [`Self::file`] before: it is dropped here.
    /// `session` is not part of an [`Outgoing`].
    ///
    /// # Errors
    /// 400 when the file is empty or, for a type that has one, absent.
    pub fn outgoing(self, file: Option<FoundFile>) -> Result<Outgoing, RequestError> {
        let content = match (self.type_, file) {
            (RequestType::Text, _) => Content::Text {
                text: self.text.unwrap_or_default(),
                link_preview: self.link_preview,
            },
            (_, None) => return Err(check::no_file(self.type_).into()),
            (_, Some(FoundFile { length: 0, .. })) => {
                return Err(Refusal::new("invalid_field", "the file is empty").into());
            }
            (_, Some(FoundFile { found, length })) => Content::File(Attachment {
                kind: found.kind,
                mime: found.mime,
                length,
                file_name: self.filename,
                caption: self.caption,
            }),
        };
        Ok(Outgoing {
            chat: self.chat_id,
            content,
            quoted: self.quoted,
            mentions: self.mentions,
            forwarded: self.is_forwarded,
        })
    }
}

// === impl RequestType ===

impl RequestType {
    const ALL: [Self; 6] = [
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Voice,
        Self::File,
        Self::Sticker,
    ];

    /// The API's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Voice => "voice",
            Self::File => "file",
            Self::Sticker => "sticker",
        }
    }

    /// What a file of this type is sent as; `None` for text.
    pub(super) const fn kind(self, ptt: bool) -> Option<OutgoingKind> {
        Some(match self {
            Self::Text => return None,
            Self::Image => OutgoingKind::Image,
            Self::Video => OutgoingKind::Video,
            Self::Voice => OutgoingKind::Audio { voice_note: ptt },
            Self::File => OutgoingKind::Document,
            Self::Sticker => OutgoingKind::Sticker,
        })
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Source ===

/// Without the URL: links to files often carry their own permission.
impl<W> fmt::Debug for Source<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url(_) => "Url(…)",
            Self::Base64(_) => "Base64(…)",
        })
    }
}
