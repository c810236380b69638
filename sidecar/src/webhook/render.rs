//! The body of a delivery: an event's lasting facts and its media's state at this moment.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::media_info::{MediaInfo, MediaInfoError};
use crate::message::MediaId;
use crate::store::{EventRow, Outcome};

/// The event that answers a call made with `Prefer: respond-async`.
const COMMAND_RESULT: &str = "command.result";

/// Titan's envelope (`titan-api.md` §5.3).
#[derive(Serialize)]
struct Envelope<'a> {
    id: &'a str,
    event: &'a str,
    session: &'a str,
    timestamp: Timestamp,
    payload: Map<String, Value>,
    /// What Titan's example of `command.result` has in place of `payload`: we send both.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Map<String, Value>>,
}

/// Renders `event` with `media`, the current state of its files in its own order; a file whose
/// record is pruned is left out. The id and the envelope's time are those of the event and equal
/// on every attempt; the state of the media, and with it a presigned URL, is fresh.
///
/// `mediaUrl` is there only where the event says that the file is stored: `message.*` with the
/// outcome `Stored`, and `media.persisted`. A message that went out because the file failed for
/// good says so in `mediaError`.
#[must_use]
pub fn render(event: &EventRow, media: &[MediaInfo]) -> Vec<u8> {
    let mut payload = match &event.facts {
        Value::Object(facts) => facts.clone(),
        other => Map::from_iter([("facts".to_owned(), other.clone())]),
    };
    if event.event.starts_with("message.") && !payload.contains_key("timestamp") {
        payload.insert("timestamp".to_owned(), event.created_at.as_second().into());
    }
    if event.event != COMMAND_RESULT {
        join_media(&mut payload, &event.media, media);
    }
    if says_stored(event) {
        join_url(&mut payload, media);
    }
    if event.event == "media.failed" || event.outcome == Some(Outcome::Failed) {
        join_error(&mut payload, event, media);
    }
    let answers = event.event == COMMAND_RESULT;
    if answers {
        join_result(&mut payload, media);
    }
    let envelope = Envelope {
        id: &event.id,
        event: &event.event,
        session: &event.session.session,
        timestamp: event.created_at,
        data: answers.then(|| payload.clone()),
        payload,
    };
    bytes_of(&envelope)
}

fn says_stored(event: &EventRow) -> bool {
    event.event == "media.persisted" || event.outcome == Some(Outcome::Stored)
}

/// Flat members of the first file, the MediaInfo as `media`, and all of several as `mediaItems`.
fn join_media(payload: &mut Map<String, Value>, ids: &[MediaId], media: &[MediaInfo]) {
    if let Some(first) = ids.first() {
        payload.insert("mediaId".to_owned(), first.0.as_str().into());
    }
    let Some(first) = media.first() else { return };
    payload.insert("mimeType".to_owned(), first.mime_type.as_str().into());
    // What was verified replaces what the sender declared.
    for (name, value) in [
        ("fileLength", first.file_length.map(Value::from)),
        ("sha256", first.sha256.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            payload.insert(name.to_owned(), value);
        }
    }
    payload.insert("media".to_owned(), json!(first));
    if media.len() > 1 {
        payload.insert("mediaItems".to_owned(), json!(media));
    }
}

fn join_url(payload: &mut Map<String, Value>, media: &[MediaInfo]) {
    let Some(first) = media.iter().find(|item| item.s3_url.is_some()) else {
        return;
    };
    payload.insert("mediaUrl".to_owned(), json!(first.s3_url));
    if let Some(expires_at) = &first.s3_url_expires_at {
        payload.insert("mediaUrlExpiresAt".to_owned(), json!(expires_at));
    }
}

/// The result of a command that succeeded is the file's MediaInfo; that of one that failed is its
/// error, among the facts already.
fn join_result(payload: &mut Map<String, Value>, media: &[MediaInfo]) {
    if let Some(first) = media.first() {
        payload.entry("result").or_insert_with(|| json!(first));
    }
}

/// `media.failed` carries the error flat, `message.*` as `mediaError`. What the facts say already
/// stays: the record may have changed since.
fn join_error(payload: &mut Map<String, Value>, event: &EventRow, media: &[MediaInfo]) {
    let Some(error) = media.iter().find_map(|item| item.error.as_ref()) else {
        return;
    };
    if event.event != "media.failed" {
        payload.entry("mediaError").or_insert_with(|| json!(error));
        return;
    }
    let MediaInfoError {
        code,
        message,
        retryable,
    } = error;
    payload
        .entry("code")
        .or_insert_with(|| code.as_str().into());
    payload
        .entry("message")
        .or_insert_with(|| message.as_str().into());
    payload
        .entry("retryable")
        .or_insert_with(|| (*retryable).into());
}

/// Serialising strings, numbers and maps with string keys into memory can't fail; were it ever
/// to, the receiver still gets an id to ask with.
fn bytes_of(envelope: &Envelope<'_>) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap_or_else(|_| {
        json!({"id": envelope.id, "event": envelope.event, "session": envelope.session})
            .to_string()
            .into_bytes()
    })
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
