//! Messages that go out.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use waproto::codec::message_decode;
use whatsapp_rust::Jid;

use super::{ApiError, Shared};
use crate::device::SendError;

/// Longest id of a message.
const LONGEST_ID: usize = 64;

/// What `POST /send` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Chosen before the first try; every further try uses it again.
    id: String,
    chat: String,
    /// The protobuf `Message`, in base64.
    message: String,
}

/// What it answers.
#[derive(Serialize)]
pub(super) struct Sent {
    id: String,
    /// When WhatsApp had it, in seconds since 1970.
    timestamp: Option<i64>,
}

/// `POST /send`: answers once WhatsApp has the message.
pub(super) async fn send(
    State(device): State<Shared>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Sent>, ApiError> {
    let Json(Request { id, chat, message }) = request?;
    if id.is_empty()
        || id.len() > LONGEST_ID
        || !id.chars().all(|letter| letter.is_ascii_alphanumeric())
    {
        return Err(ApiError::invalid("id: expected letters and digits"));
    }
    let chat: Jid = chat
        .parse()
        .map_err(|_| ApiError::invalid("chat: expected an address"))?;
    let bytes = BASE64_STANDARD
        .decode(message)
        .map_err(|_| ApiError::invalid("message: expected base64"))?;
    let message = message_decode(&bytes)
        .map_err(|_| ApiError::invalid("message: expected a protobuf Message"))?;
    let timestamp = device.send(chat, &id, message).await?;
    Ok(Json(Sent { id, timestamp }))
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        let (status, code) = match error {
            SendError::NotConnected(error) => return error.into(),
            SendError::InFlight => (StatusCode::CONFLICT, "in_flight"),
            SendError::Failed(_) => (StatusCode::BAD_GATEWAY, "send_failed"),
            SendError::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            SendError::Unacknowledged => (StatusCode::GATEWAY_TIMEOUT, "not_acknowledged"),
        };
        Self::new(status, code, error.to_string())
    }
}
