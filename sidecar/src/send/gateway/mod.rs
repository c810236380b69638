//! Sending through a gateway's own API. Pure: a message to a request, an answer to what it says.
//!
//! One file per gateway holds its paths, its fields and its errors, each with the source that they
//! were taken from. What a gateway can't express is refused by the field of our own request, never
//! left out: a reply without its quotation is another message.
//!
//! A file's field is the last one of its object, and the object the last one of the body. The body
//! is therefore known but for the base64 text in its place, and so is its length.

mod answer;
mod body;
mod evolution;
mod failure;
#[cfg(test)]
mod tests;
mod waha;
mod wuzapi;

use std::fmt;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use titan_crds::media_session::SendType;

pub use self::answer::{ANSWER_BYTES, Sent};
pub use self::body::Body;
pub use self::failure::GatewayError;
use super::outgoing::{Content, Outgoing, OutgoingKind};

/// What is encoded in one segment of a path: all but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Posts to the followers of an account.
const STATUS: &str = "status@broadcast";

/// A gateway's API key, fit for a header and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(HeaderValue);

/// An API key that no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gateway's api key is empty or holds characters that no header can carry")]
pub struct InvalidApiKey;

/// One request to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Always POST.
    pub method: Method,
    /// Encoded, with `/` in front: to be appended to the gateway's address.
    pub path: String,
    /// Kind of the body and, where there is one, the key, marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON.
    pub body: Body,
}

/// What a gateway's API can't express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unsupported {
    /// JSON pointer of the field of our own request, such as `/quotedMessage`.
    pub pointer: &'static str,
    /// What is not possible.
    pub message: String,
}

/// The request that makes a gateway send a message.
///
/// `session` is the session's name at the gateway. `message_id` is the id that the message shall
/// have: it is handed over where the gateway takes one, so that a second try is the same message.
pub fn call(
    type_: SendType,
    session: &str,
    key: Option<&ApiKey>,
    message: &Outgoing,
    message_id: &str,
) -> Result<Call, Unsupported> {
    refuse_what_none_can(message)?;
    let (path, body) = match type_ {
        SendType::Waha => waha::request(session, message, message_id)?,
        SendType::Evolution => evolution::request(session, message)?,
        SendType::Wuzapi => wuzapi::request(message, message_id)?,
    };
    let json = HeaderValue::from_static("application/json");
    let key = key.map(|key| (key_header(type_), key.0.clone()));
    let headers = [(CONTENT_TYPE, json)].into_iter().chain(key).collect();
    Ok(Call {
        method: Method::POST,
        path,
        headers,
        body,
    })
}

/// What a gateway's answer says. The first [`ANSWER_BYTES`] of its body are enough: some gateways
/// put the file into it again.
///
/// `key` is what the request was sent with; it is cut out of what the gateway says.
pub fn read_answer(
    type_: SendType,
    key: Option<&ApiKey>,
    status: StatusCode,
    body: &[u8],
) -> Result<Sent, GatewayError> {
    let answer = answer::Answer::read(body);
    let (sent, failure) = match type_ {
        SendType::Waha => (waha::sent(&answer), waha::failure(status, &answer)),
        SendType::Evolution => (
            evolution::sent(&answer),
            evolution::failure(status, &answer),
        ),
        SendType::Wuzapi => (wuzapi::sent(&answer), wuzapi::failure(status, &answer)),
    };
    if status.is_success() {
        return sent.ok_or_else(|| GatewayError::unreadable(status));
    }
    let secret = key.and_then(|key| key.0.to_str().ok());
    Err(GatewayError::new(failure, status, secret))
}

// === impl ApiKey ===

impl ApiKey {
    /// Takes a key as it stands in a Secret; white space around it is no part of it.
    pub fn parse(key: &str) -> Result<Self, InvalidApiKey> {
        let mut value = match key.trim() {
            "" => return Err(InvalidApiKey),
            key => HeaderValue::from_str(key).map_err(|_| InvalidApiKey)?,
        };
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

// === impl Unsupported ===

impl Unsupported {
    fn new(pointer: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { pointer, message }
    }
}

fn key_header(type_: SendType) -> HeaderName {
    HeaderName::from_static(match type_ {
        SendType::Waha => "x-api-key",
        SendType::Evolution => "apikey",
        SendType::Wuzapi => "token",
    })
}

/// WhatsApp's own sound messages and stickers have no words below them.
fn refuse_what_none_can(message: &Outgoing) -> Result<(), Unsupported> {
    if message.forwarded {
        let words = "no gateway's API can mark a message as forwarded";
        return Err(Unsupported::new("/isForwarded", words));
    }
    match &message.content {
        Content::File(file) if file.caption.is_some() => match file.kind {
            OutgoingKind::Audio { .. } => {
                Err(Unsupported::new("/caption", "sound can't have a caption"))
            }
            OutgoingKind::Sticker => Err(Unsupported::new(
                "/caption",
                "a sticker can't have a caption",
            )),
            OutgoingKind::Image | OutgoingKind::Video | OutgoingKind::Document => Ok(()),
        },
        _ => Ok(()),
    }
}

fn segment(name: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(name, SEGMENT)
}

/// The digits of a phone number's JID.
fn phone(jid: &str) -> Option<&str> {
    jid.strip_suffix("@s.whatsapp.net")
}

/// What an OGG voice note is called; phones play it only by this name.
fn voice_mime(mime: &str) -> &str {
    if is_ogg(mime) {
        "audio/ogg; codecs=opus"
    } else {
        mime
    }
}

fn is_ogg(mime: &str) -> bool {
    bare(mime) == "audio/ogg"
}

/// A MIME type without its parameters.
fn bare(mime: &str) -> &str {
    mime.split_once(';')
        .map_or(mime, |(bare, _parameters)| bare)
        .trim()
}
