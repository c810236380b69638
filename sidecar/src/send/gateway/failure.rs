//! Why a gateway did not send a message, in our own words and a few of the gateway's.

use http::StatusCode;

/// Longest excerpt of what a gateway says, in characters.
const EXCERPT: usize = 200;

/// From this length on, letters in one piece are taken for a file's base64 text.
const PIECE: usize = 48;

/// Why a gateway did not send a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GatewayError {
    /// Stable word for it.
    pub code: &'static str,
    /// For people: no key, no part of a file, at most 300 characters.
    pub message: String,
    /// Whether the same call may succeed later by itself.
    pub transient: bool,
}

/// What went wrong, and the gateway's words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    pub(super) kind: Kind,
    pub(super) says: Option<&'a str>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The key is not the gateway's.
    Unauthorized,
    /// The gateway knows no such session.
    SessionNotFound,
    /// The session is not linked, or not on line.
    NotConnected,
    /// The number is not on WhatsApp.
    RecipientNotFound,
    /// Anything else that will not get better by itself.
    Refused,
    /// The gateway can't right now.
    Unavailable,
}

// === impl GatewayError ===

impl GatewayError {
    pub(super) fn new(failure: Failure<'_>, status: StatusCode, secret: Option<&str>) -> Self {
        let (code, what, transient) = match failure.kind {
            // A key or a session that is set right helps what waits.
            Kind::Unauthorized => ("gateway_unauthorized", "the gateway refuses its key", true),
            Kind::SessionNotFound => (
                "gateway_session_not_found",
                "the gateway knows no such session",
                true,
            ),
            Kind::NotConnected => (
                "gateway_not_connected",
                "the gateway's session is not connected",
                true,
            ),
            Kind::RecipientNotFound => (
                "recipient_not_found",
                "the gateway finds no such number on WhatsApp",
                false,
            ),
            Kind::Refused => ("gateway_refused", "the gateway refuses the message", false),
            Kind::Unavailable => (
                "gateway_unavailable",
                "the gateway can't send right now",
                true,
            ),
        };
        let says = failure.says.map(|says| excerpt(says, secret));
        let message = match says.as_deref() {
            Some(says) if !says.is_empty() => {
                format!("{what} (status {}): {says}", status.as_u16())
            }
            _ => format!("{what} (status {})", status.as_u16()),
        };
        Self {
            code,
            message,
            transient,
        }
    }

    /// The gateway may well have sent the message: it is not tried again.
    pub(super) fn unreadable(status: StatusCode) -> Self {
        let status = status.as_u16();
        Self {
            code: "gateway_answer_unreadable",
            message: format!("the gateway's answer (status {status}) names no message"),
            transient: false,
        }
    }
}

// === impl Kind ===

impl Kind {
    /// What a status means where the gateway's words don't say more.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Unauthorized,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Self::Unavailable,
            status if status.is_server_error() => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

/// One line of what a gateway says, without the key and without what may be a file.
fn excerpt(says: &str, secret: Option<&str>) -> String {
    let says = match secret {
        Some(secret) if !secret.is_empty() => says.replace(secret, "…"),
        _ => says.to_owned(),
    };
    let words: String = says
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    let pieces: String = words
        .join(" ")
        .split_inclusive(|c| !is_base64(c))
        .map(shortened)
        .collect();
    if pieces.chars().count() <= EXCERPT {
        return pieces;
    }
    pieces.chars().take(EXCERPT - 1).chain(['…']).collect()
}

/// A piece of base64 letters, with what ends it, unless it is too long to be a word.
fn shortened(piece: &str) -> String {
    let letters = piece.trim_end_matches(|c| !is_base64(c));
    match piece.strip_prefix(letters) {
        Some(end) if letters.len() >= PIECE => format!("…{end}"),
        _ => piece.to_owned(),
    }
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}
