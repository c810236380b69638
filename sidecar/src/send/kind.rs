//! What a file is, by its bytes and by nothing else: names and the caller's word can be wrong, and
//! a phone that is told the wrong type shows nothing. Pure.

use std::fmt;

use infer::MatcherType;

use super::outgoing::OutgoingKind;
use super::request::RequestType;

/// What is said of bytes that nothing is known of.
const UNKNOWN: &str = "application/octet-stream";
const TEXT: &str = "text/plain";
/// With its parameter, as WhatsApp's own voice notes have it.
const OPUS: &str = "audio/ogg; codecs=opus";

/// A file that may be sent as what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// MIME type.
    pub mime: String,
    /// What it is sent as.
    pub kind: OutgoingKind,
}

/// A file that is not of its type's formats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the file is {}, and type {type_} takes {}", found_words(.found), taken(*.type_))]
pub struct WrongKind {
    /// What was asked.
    pub type_: RequestType,
    /// MIME type of what was found; `application/octet-stream` when it is unknown.
    pub found: String,
}

/// The MIME type of a file that begins with `head` (8 KiB are enough); `None` when no format that
/// is known begins so.
#[must_use]
pub fn detect(head: &[u8]) -> Option<&'static str> {
    let known = infer::get(head).filter(|known| is_sound(known, head));
    // Two or three letters are the whole signature of some formats (`BM`, `MZ`, `ID3`), whose
    // headers then have bytes that no text has. So what is text is not one of them, and is text by
    // the rule of WHATWG's MIME sniffing.
    if is_text(head) && !known.is_some_and(|known| can_be_text(&known)) {
        return Some(TEXT);
    }
    match known.map(|known| known.mime_type()) {
        None if is_mp3_frame(head) => Some("audio/mpeg"),
        // An MP4 of Apple's making: another brand, the same container.
        Some("video/x-m4v") => Some("video/mp4"),
        Some("audio/opus") => Some(OPUS),
        // Word, Excel and PowerPoint look the same until a directory that may lie anywhere.
        Some("application/msword") => Some("application/x-ole-storage"),
        known => known,
    }
}

/// Whether a file that begins with `head` may be sent as `type_`, and as what. `ptt` makes sound a
/// voice note.
pub fn accept(type_: RequestType, head: &[u8], ptt: bool) -> Result<Found, WrongKind> {
    let found = detect(head);
    let mime = found.unwrap_or(UNKNOWN);
    let taken = match type_ {
        RequestType::Text => false,
        RequestType::Image => matches!(mime, "image/jpeg" | "image/png" | "image/webp"),
        RequestType::Video => mime == "video/mp4",
        RequestType::Voice => matches!(mime, OPUS | "audio/ogg" | "audio/mpeg"),
        RequestType::File => true,
        RequestType::Sticker => mime == "image/webp",
    };
    match type_.kind(ptt) {
        Some(kind) if taken => Ok(Found {
            mime: mime.to_owned(),
            kind,
        }),
        _ => Err(WrongKind {
            type_,
            found: mime.to_owned(),
        }),
    }
}

const fn taken(type_: RequestType) -> &'static str {
    match type_ {
        RequestType::Text => "no file",
        RequestType::Image => "JPEG, PNG or WebP",
        RequestType::Video => "MP4",
        RequestType::Voice => "OGG or MP3",
        RequestType::File => "any",
        RequestType::Sticker => "WebP",
    }
}

fn found_words(found: &str) -> impl fmt::Display {
    match found {
        UNKNOWN => "of no known format",
        _ => found,
    }
    .to_owned()
}

/// Formats of which the library reads less than there is to read.
fn is_sound(known: &infer::Type, head: &[u8]) -> bool {
    match known.mime_type() {
        "image/webp" => head.starts_with(b"RIFF"),
        _ => true,
    }
}

fn can_be_text(known: &infer::Type) -> bool {
    known.matcher_type() == MatcherType::Text
        || matches!(known.extension(), "pdf" | "rtf" | "ps" | "pem")
}

/// UTF-8 without the bytes that WHATWG's MIME Sniffing Standard (§3) calls binary. Its end may be
/// cut off within a character.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    let is_binary = |byte| matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    whole && !head.is_empty() && !head.iter().copied().any(is_binary)
}

/// The header of an MPEG audio frame of layer III. The library knows three of its forms: neither
/// those with a checksum in MPEG-1 and 2, nor MPEG-2.5, which speech is often kept in.
fn is_mp3_frame(head: &[u8]) -> bool {
    let Some([0xff, second, third, _]) = head.first_chunk::<4>() else {
        return false;
    };
    let version = (second >> 3) & 0b11;
    let layer = (second >> 1) & 0b11;
    let (bitrate, rate) = (third >> 4, (third >> 2) & 0b11);
    second >> 5 == 0b111
        && version != 0b01
        && layer == 0b01
        && !matches!(bitrate, 0 | 15)
        && rate != 0b11
}

#[cfg(test)]
#[path = "kind_tests.rs"]
mod tests;
