//! What a gateway got wrong, as a code, a place and a sentence.

/// Why a request is refused. The message never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// `malformed_json`, `malformed_protobuf`, `malformed_form`, `unknown_shape`, `missing_id`,
    /// `missing_chat` (all 400) or `unsupported_media_type` (415).
    pub code: &'static str,
    /// JSON pointer to the value at fault.
    pub pointer: Option<String>,
    /// A sentence for people.
    pub message: String,
}

// === impl ParseError ===

impl ParseError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            pointer: None,
            message: message.into(),
        }
    }

    pub(super) fn at(self, pointer: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            ..self
        }
    }

    pub(super) fn missing_id(pointer: impl Into<String>) -> Self {
        Self::new("missing_id", "a message has no id").at(pointer)
    }

    pub(super) fn missing_chat(pointer: impl Into<String>) -> Self {
        Self::new("missing_chat", "a message has no chat").at(pointer)
    }

    pub(super) fn unknown_shape(pointer: impl Into<String>, message: &str) -> Self {
        Self::new("unknown_shape", message).at(pointer)
    }
}

/// A parser's error by kind and place; its own text could quote what the body says.
pub(super) fn malformed_json(error: &serde_json::Error) -> ParseError {
    let kind = if error.is_eof() {
        "the JSON ends too early"
    } else {
        "the body is not JSON"
    };
    let (line, column) = (error.line(), error.column());
    ParseError::new(
        "malformed_json",
        format!("{kind} (line {line}, column {column})"),
    )
}
