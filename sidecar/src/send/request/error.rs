//! Why a request to send is refused, or could not be read.

use std::io;

use http::StatusCode;

use crate::send::kind::WrongKind;

/// Longest piece of a caller's own value in a message or pointer, in characters.
const MOST_SHOWN: usize = 40;

/// Why a body did not become a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The caller got something wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body could not be read to its end: the caller hung up, or a limit of the server's was
    /// reached. The error is the body's own.
    #[error("read the request's body")]
    Body(#[source] io::Error),
    /// The decoded file could not be kept. The error is the sink's own.
    #[error("keep the file to send")]
    Sink(#[source] io::Error),
}

/// What a caller got wrong. Quotes at most 40 printable characters of what was sent, and nothing
/// of `url` and `base64`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// 400, 413 or 415.
    pub status: StatusCode,
    /// `malformed_json`, `unknown_field`, `duplicate_field`, `missing_field`, `invalid_field`,
    /// `unsupported_type` (all 400), `too_large` (413) or `unsupported_media_type` (415).
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// JSON pointer to the value at fault.
    pub pointer: Option<String>,
}

// === impl Refusal ===

impl Refusal {
    /// A 400 of a code and words.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            pointer: None,
        }
    }

    /// A value that is not what it must be.
    pub(super) fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        Self::new("invalid_field", message).at(pointer)
    }

    /// A 413.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Self::new("too_large", message)
        }
    }

    pub(super) fn at(self, pointer: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            ..self
        }
    }
}

impl From<WrongKind> for RequestError {
    fn from(wrong: WrongKind) -> Self {
        Self::Refused(Refusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Refusal::new("unsupported_media_type", wrong.to_string())
        })
    }
}

/// The start of a caller's value, fit to be read in a log: no control or invisible characters.
pub(super) fn shown(value: &str) -> String {
    let mut shown: String = value
        .chars()
        .take(MOST_SHOWN)
        .map(|c| {
            let plain = c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
            if plain { c } else { '?' }
        })
        .collect();
    if value.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The JSON pointer of a member whose name the caller chose.
pub(super) fn pointer_to(parent: &str, name: &str) -> String {
    let name = shown(name).replace('~', "~0").replace('/', "~1");
    format!("{parent}/{name}")
}
