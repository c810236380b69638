//! The names of the shapes, and what a content type says about the bytes.

use std::fmt;
use std::str::FromStr;

use super::ParseError;

/// A shape that a gateway posts, by its name in `?format=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Baileys: `messages.upsert` payloads, bare `WebMessageInfo` JSON.
    Baileys,
    /// Evolution API.
    Evolution,
    /// WAHA.
    Waha,
    /// wuzapi.
    Wuzapi,
    /// whatsmeow event JSON.
    Whatsmeow,
    /// A `WebMessageInfo`, protobuf.
    ProtobufWebMessageInfo,
    /// A bare `Message`, protobuf; its identity is in the query.
    ProtobufMessage,
}

/// How the bytes are written.
pub(super) enum Encoding {
    Json,
    Protobuf,
    Form,
    Multipart,
}

/// The encoding that a content type stands for. Without one, JSON: gateways that send protobuf
/// have to say so, since a protobuf body may begin like JSON.
pub(super) fn encoding(content_type: Option<&str>) -> Result<Encoding, ParseError> {
    let given = content_type.unwrap_or("application/json");
    let essence = given.split(';').next().unwrap_or("").trim();
    let essence = essence.to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/json" | "text/json" | "text/plain" => Ok(Encoding::Json),
        "application/x-protobuf"
        | "application/protobuf"
        | "application/vnd.google.protobuf"
        | "application/octet-stream" => Ok(Encoding::Protobuf),
        "application/x-www-form-urlencoded" => Ok(Encoding::Form),
        "multipart/form-data" => Ok(Encoding::Multipart),
        other if other.ends_with("+json") => Ok(Encoding::Json),
        _ => Err(ParseError::new(
            "unsupported_media_type",
            "the content type is none of application/json, application/x-protobuf, \
             application/x-www-form-urlencoded and multipart/form-data",
        )),
    }
}

// === impl Format ===

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Baileys,
        Self::Evolution,
        Self::Waha,
        Self::Wuzapi,
        Self::Whatsmeow,
        Self::ProtobufWebMessageInfo,
        Self::ProtobufMessage,
    ];

    /// The name in `?format=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baileys => "baileys",
            Self::Evolution => "evolution",
            Self::Waha => "waha",
            Self::Wuzapi => "wuzapi",
            Self::Whatsmeow => "whatsmeow",
            Self::ProtobufWebMessageInfo => "protobuf-webmessageinfo",
            Self::ProtobufMessage => "protobuf-message",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                ParseError::new("unknown_shape", format!("format is not one of {names}"))
            })
    }
}
