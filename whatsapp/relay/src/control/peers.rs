//! Plain devices of somebody else.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use waproto::{
    codec::{message_decode, message_to_vec},
    whatsapp::Message,
};

use super::{Refusal, Shared, phones::done};
use crate::Peer;

/// How long linking may take. Shorter than a test's own patience, so that the answer says what is wrong.
const PATIENCE: Duration = Duration::from_secs(50);

/// Longest wait for a message in one call.
const LONGEST_WAIT: u64 = 60;

/// Whose device is linked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    phone: String,
}

/// `POST /peers`: once the device is there, it stays.
pub(super) async fn link(
    State(stage): State<Shared>,
    request: Result<Json<Link>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Link { phone }) = request?;
    if stage.peers.lock().await.contains_key(&phone) {
        return Ok(done());
    }
    let linked = timeout(PATIENCE, Peer::link(&stage.relay, &phone)).await;
    let peer = linked
        .map_err(|_late| Refusal::too_late("the device was not linked in time"))?
        .map_err(|error| Refusal::failed(&error))?;
    stage.peers.lock().await.insert(phone, Arc::new(peer));
    Ok(done())
}

/// A message, and the number that it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    to: String,
    id: String,
    /// The protobuf `Message`, in base64.
    message: String,
}

/// `POST /peers/{phone}/send`.
pub(super) async fn send(
    State(stage): State<Shared>,
    Path(phone): Path<String>,
    request: Result<Json<Send>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Send { to, id, message }) = request?;
    let sent = peer(&stage, &phone)
        .await?
        .send(&to, &id, decode(&message)?)
        .await;
    sent.map_err(|error| Refusal::failed(&error))?;
    Ok(done())
}

/// A message, and the group that it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SendToGroup {
    group: String,
    id: String,
    message: String,
}

/// `POST /peers/{phone}/send-to-group`.
pub(super) async fn send_to_group(
    State(stage): State<Shared>,
    Path(phone): Path<String>,
    request: Result<Json<SendToGroup>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(SendToGroup { group, id, message }) = request?;
    let sent = peer(&stage, &phone)
        .await?
        .send_to_group(&group, &id, decode(&message)?)
        .await;
    sent.map_err(|error| Refusal::failed(&error))?;
    Ok(done())
}

/// `GET /peers/{phone}/next?wait=SECONDS`.
pub(super) async fn next(
    State(stage): State<Shared>,
    Path(phone): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let wait = wait(uri.query()).ok_or_else(|| Refusal::invalid("expected wait=SECONDS"))?;
    let next = peer(&stage, &phone).await?.next_within(wait).await;
    let next = next.map_err(|error| Refusal::failed(&error))?;
    Ok(match next {
        None => StatusCode::NO_CONTENT.into_response(),
        Some((id, message)) => {
            let message = BASE64_STANDARD.encode(message_to_vec(&message));
            Json(json!({ "id": id, "message": message })).into_response()
        }
    })
}

/// One parameter is no reason for a parser of forms.
fn wait(query: Option<&str>) -> Option<Duration> {
    let Some(query) = query else {
        return Some(Duration::ZERO);
    };
    let seconds: u64 = query.strip_prefix("wait=")?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

async fn peer(stage: &Shared, phone: &str) -> Result<Arc<Peer>, Refusal> {
    let peer = stage.peers.lock().await.get(phone).cloned();
    peer.ok_or_else(|| Refusal::not_found("no device was linked here for this number"))
}

fn decode(message: &str) -> Result<Message, Refusal> {
    let bytes = BASE64_STANDARD
        .decode(message)
        .map_err(|_| Refusal::invalid("message: expected base64"))?;
    message_decode(&bytes).map_err(|_| Refusal::invalid("message: expected a protobuf Message"))
}
