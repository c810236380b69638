//! What phones offer of the chats' history.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use buffa::Message as _;
use serde::Deserialize;
use serde_json::{Value, json};
use waproto::whatsapp::message::HistorySyncNotification;

use super::{Refusal, Shared, phones::done};

/// What is offered, and to whose device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Offer {
    phone: String,
    id: String,
    /// The protobuf `HistorySyncNotification`, in base64.
    notification: String,
}

/// `POST /history`.
pub(super) async fn offer(
    State(stage): State<Shared>,
    request: Result<Json<Offer>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Offer {
        phone,
        id,
        notification,
    }) = request?;
    let notification = BASE64_STANDARD
        .decode(notification)
        .ok()
        .and_then(|bytes| HistorySyncNotification::decode_from_slice(&bytes).ok())
        .ok_or_else(|| {
            Refusal::invalid("notification: expected a protobuf HistorySyncNotification in base64")
        })?;
    let offered = stage.relay.history(&phone, &id, &notification).await;
    offered.map_err(|error| Refusal::failed(&error))?;
    Ok(done())
}

/// `GET /history/{id}`.
pub(super) async fn taken(State(stage): State<Shared>, Path(id): Path<String>) -> Json<Value> {
    Json(json!({ "taken": stage.relay.history_was_taken(&id) }))
}
