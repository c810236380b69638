//! What gateways post: every shape into one list of understood messages. Pure.
//!
//! One file per gateway; each says whether a body is in its shape and reads it into envelopes.
//! Errors are the gateway's faults alone; what a message's sender wrote is never one.

mod baileys;
mod bytes;
mod device;
mod error;
mod evolution;
mod form;
mod format;
mod json;
mod number;
mod proto_json;
mod protobuf;
mod schema;
pub mod signature;
mod surrogates;
mod waha;
mod whatsmeow;
mod wire;
mod wuzapi;

#[cfg(test)]
mod tests;

pub use error::ParseError;
pub use format::Format;
pub use signature::Signature;

use error::malformed_json as malformed;
use format::Encoding;
use json::Json;

use crate::message::{Envelope, Event, Incoming, understand};

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

/// No body is in two of these shapes, whatever the order.
static SHAPES: [Shape; 5] = [
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
    Shape {
        format: Format::Evolution,
        recognises: evolution::recognises,
        read: evolution::read,
    },
    Shape {
        format: Format::Waha,
        recognises: waha::recognises,
        read: waha::read,
    },
    Shape {
        format: Format::Wuzapi,
        recognises: wuzapi::recognises,
        read: wuzapi::read,
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
    let (format, found) = match (format, format::encoding(content_type)) {
        (Some(Format::ProtobufWebMessageInfo), _) => {
            (Format::ProtobufWebMessageInfo, protobuf::web_message(body)?)
        }
        (Some(Format::ProtobufMessage), _) => {
            (Format::ProtobufMessage, protobuf::message(body, query)?)
        }
        (None | Some(Format::Wuzapi), Ok(Encoding::Form)) => {
            read_form(form::urlencoded(body)?.as_bytes())?
        }
        (None | Some(Format::Wuzapi), Ok(Encoding::Multipart)) => {
            read_form(&form::multipart(content_type.unwrap_or_default(), body)?)?
        }
        (None, Ok(Encoding::Protobuf)) => protobuf::detected(body, query)?,
        (None, Err(error)) => return Err(error),
        (format, _) => read_json(format, body)?,
    };
    Ok(Parsed::new(format, found))
}

/// Reads what the session's own linked device posts.
///
/// # Errors
/// Only where the body is not what `titan-whatsapp` writes.
pub fn device(body: &[u8]) -> Result<Parsed, ParseError> {
    let found = device::read(body)?;
    Ok(Parsed::new(Format::ProtobufMessage, found))
}

/// Reads one message of the chats' history, a `WebMessageInfo`. `None`: nothing that a person sees, or
/// nothing that can be read.
#[must_use]
pub fn history(body: &[u8]) -> Option<Incoming> {
    let found = protobuf::web_message(body).ok()?;
    let incoming = found.envelopes.into_iter().find_map(understand)?;
    let seen = !matches!(incoming.event, Event::Placeholder { .. });
    seen.then_some(Incoming {
        history: true,
        ..incoming
    })
}

/// Only wuzapi posts forms.
fn read_form(event: &[u8]) -> Result<(Format, Found), ParseError> {
    read_json(Some(Format::Wuzapi), event).map_err(form::within)
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
        .ok_or_else(|| ParseError::new("unknown_shape", format!("format `{format}` is not JSON")))
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
    /// One event that is no message.
    fn ignored() -> Self {
        Self {
            ignored: 1,
            ..Self::default()
        }
    }

    fn one(envelope: Envelope) -> Self {
        Self {
            envelopes: vec![envelope],
            ignored: 0,
        }
    }

    fn append(&mut self, other: Self) {
        self.envelopes.extend(other.envelopes);
        self.ignored += other.ignored;
    }
}
