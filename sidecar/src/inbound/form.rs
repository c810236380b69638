//! Form bodies, wuzapi's default: the event is the JSON text of one field. What stands beside it
//! differs by version (`token`, or `userID` and `instanceName`, or a file) and is not needed.

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::FutureExt as _;
use multer::Multipart;

use super::ParseError;

/// The field that holds the event.
const EVENT_FIELD: &str = "jsonData";

/// The event of an `application/x-www-form-urlencoded` body.
pub(super) fn urlencoded(body: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    url::form_urlencoded::parse(body)
        .find_map(|(name, value)| (name == EVENT_FIELD).then_some(value))
        .ok_or_else(no_event)
}

/// The event of a `multipart/form-data` body; a file beside it is skipped.
pub(super) fn multipart(content_type: &str, body: &[u8]) -> Result<Bytes, ParseError> {
    let boundary =
        multer::parse_boundary(content_type).map_err(|_| malformed("names no boundary"))?;
    let body = Bytes::copy_from_slice(body);
    let whole = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    // The body is here whole, so the parser never has to wait.
    event_of(Multipart::new(whole, boundary))
        .now_or_never()
        .unwrap_or_else(|| Err(malformed("ends too early")))
}

/// The place of a value of the event, as seen from the form.
pub(super) fn within(error: ParseError) -> ParseError {
    let inner = error.pointer.as_deref().unwrap_or_default();
    let pointer = format!("/{EVENT_FIELD}{inner}");
    error.at(pointer)
}

async fn event_of(mut form: Multipart<'_>) -> Result<Bytes, ParseError> {
    let broken = |_| malformed("is not multipart/form-data");
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some(EVENT_FIELD) {
            return field.bytes().await.map_err(broken);
        }
    }
    Err(no_event())
}

fn malformed(what: &str) -> ParseError {
    ParseError::new("malformed_form", format!("the body {what}"))
}

fn no_event() -> ParseError {
    let pointer = format!("/{EVENT_FIELD}");
    ParseError::unknown_shape(
        pointer,
        "the form has no field jsonData, where wuzapi puts its event",
    )
}
