//! What gateways post: every shape into one list of understood messages. Pure.
//!
//! One file per gateway; each says whether a body is in its shape and reads it into envelopes.
//! Errors are the gateway's faults alone; what a message's sender wrote is never one.

mod baileys;
mod bytes;
mod error;
mod format;
mod json;
mod number;
mod proto_json;
mod protobuf;
mod schema;
mod surrogates;
mod whatsmeow;
mod wire;

#[cfg(test)]
mod tests;

pub use error::ParseError;
pub use format::Format;

use error::malformed_json as malformed;
use json::Json;

use crate::message::{Envelope, Incoming, understand};

/// One request to `/inbound`, without its transport.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// `?format=`; absent = detect.
    pub format: Option<Format>,
    /// What the query says about a bare protobuf message.
    pub query: Query,
    /// The body, whole.
    pub body: &'a [u8],
}

/// Identity of a bare protobuf message, which has none of its own.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Query {
    /// WhatsApp's message id.
    pub message_id: Option<String>,
    /// Chat JID.
    pub chat: Option<String>,
    /// Sender within a group.
    pub participant: Option<String>,
    /// Sent by the session's own account.
    pub from_me: Option<bool>,
    /// Unix seconds.
    pub timestamp: Option<i64>,
}

/// What a request held.
#[derive(Debug)]
pub struct Parsed {
    /// The shape it was read as.
    pub format: Format,
    /// Its messages, in order.
    pub messages: Vec<Incoming>,
    /// Events that are no messages, and messages that no person sees.
    pub ignored: usize,
}

/// What a gateway's file finds in a body.
#[derive(Debug, Default)]
struct Found {
    envelopes: Vec<Envelope>,
    ignored: usize,
}

/// A gateway's JSON shape.
struct Shape {
    format: Format,
    recognises: fn(&Json<'_>) -> bool,
    read: fn(&Json<'_>) -> Result<Found, ParseError>,
}

/// In the order in which they are tried.
static SHAPES: [Shape; 2] = [
    Shape {
        format: Format::Whatsmeow,
        recognises: whatsmeow::recognises,
        read: whatsmeow::read,
    },
    Shape {
        format: Format::Baileys,
        recognises: baileys::recognises,
        read: baileys::read,
    },
];

/// Reads a request in the named or the detected format.
///
/// # Errors
/// Only for what the gateway got wrong; then nothing of the request counts.
pub fn parse(request: Request<'_>) -> Result<Parsed, ParseError> {
    let Request {
        content_type,
        format,
        query,
        body,
    } = request;
    let (format, found) = match format {
        Some(Format::ProtobufWebMessageInfo) => {
            (Format::ProtobufWebMessageInfo, protobuf::web_message(body)?)
        }
        Some(Format::ProtobufMessage) => (Format::ProtobufMessage, protobuf::message(body, query)?),
        Some(format) => read_json(Some(format), body)?,
        None => match format::encoding(content_type)? {
            format::Encoding::Json => read_json(None, body)?,
            format::Encoding::Protobuf => protobuf::detected(body, query)?,
        },
    };
    Ok(Parsed::new(format, found))
}

fn read_json(format: Option<Format>, body: &[u8]) -> Result<(Format, Found), ParseError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let repaired;
    let value = match json::parse(body) {
        Ok(value) => value,
        Err(error) => {
            repaired = surrogates::repaired(body).ok_or_else(|| malformed(&error))?;
            json::parse(&repaired).map_err(|error| malformed(&error))?
        }
    };
    let shape = match format {
        Some(format) => shape_of(format)?,
        None => shape_found(&value)?,
    };
    Ok((shape.format, (shape.read)(&value)?))
}

fn shape_of(format: Format) -> Result<&'static Shape, ParseError> {
    SHAPES
        .iter()
        .find(|shape| shape.format == format)
        .ok_or_else(|| {
            ParseError::new(
                "unknown_shape",
                format!("format `{format}` is not read by this version"),
            )
        })
}

fn shape_found(value: &Json<'_>) -> Result<&'static Shape, ParseError> {
    SHAPES
        .iter()
        .find(|shape| (shape.recognises)(value))
        .ok_or_else(|| {
            ParseError::new(
                "unknown_shape",
                "the body is in no known gateway's shape; name it with ?format=",
            )
        })
}

// === impl Parsed ===

impl Parsed {
    fn new(format: Format, found: Found) -> Self {
        let Found { envelopes, ignored } = found;
        let seen = envelopes.len();
        let messages: Vec<_> = envelopes.into_iter().filter_map(understand).collect();
        Self {
            format,
            ignored: ignored + seen - messages.len(),
            messages,
        }
    }
}

// === impl Found ===

impl Found {
    fn append(&mut self, other: Self) {
        self.envelopes.extend(other.envelopes);
        self.ignored += other.ignored;
    }
}
