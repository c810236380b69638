//! Send a message: text, or a file by link or as base64.

mod answer;
mod call;
mod errors;
mod schema;
mod way;

use std::sync::Arc;

use axum::{
    extract::{Request, State as Extract},
    response::Response,
};

use super::{
    Data, ErrorBody, State, auth, error::ApiError, path::Names, persist::Command, rate_limit,
};
use call::Call;
use schema::{Message, SentMessage};

/// Sends a message. Of a file the bytes decide what it is: images are JPEG, PNG or WebP, videos MP4,
/// voice OGG or MP3, stickers WebP, files anything. Messages of one chat go in the order of their
/// calls. A second call under one `Idempotency-Key` (kept for seven days) answers with the first one's
/// result, unless that was a failure that may pass. With `Prefer: respond-async` the answer is 202 as
/// soon as the message is on disk, and the event `command.result` tells what became of it; a file can
/// be answered so only where the session has a volume, elsewhere its answer is the usual one. Through
/// a gateway a message is sent at least once: where a gateway takes no id, a try whose answer was lost
/// may have been sent. As the session's own linked device it keeps its id over every try, and a file has a
/// record (`mediaId`).
#[utoipa::path(
    post, path = "/api/messages/send", tag = "messages",
    operation_id = "sendMessage",
    params(
        ("prefer" = Option<String>, Header, description = "respond-async"),
        ("idempotency-key" = Option<String>, Header, description = "Makes a repeat the same call")
    ),
    request_body(content = Message, content_type = "application/json"),
    responses(
        (status = 200, description = "Sent", body = Data<SentMessage>),
        (status = 202, description = "On disk; command.result follows", body = Data<Command>),
        (status = 400, description = "A field is wrong; the pointer names it", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "sending_not_configured", body = ErrorBody),
        (status = 413, description = "too_large", body = ErrorBody),
        (status = 415, description = "Not JSON; or the file is of another type", body = ErrorBody),
        (status = 422, description = "recipient_not_found; gateway_refused; whatsapp_refused; link_unusable; idempotency_key_reused", body = ErrorBody),
        (status = 500, description = "The file to send was lost", body = ErrorBody),
        (status = 502, description = "gateway_unavailable and other faults of the gateway; upload_failed, send_failed, not_acknowledged", body = ErrorBody),
        (status = 503, description = "chat_busy; spool_full; gateway_not_connected; device_not_connected; sending_unavailable; the store can't take it now", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn send(
    Extract(state): Extract<State>,
    request: Request,
) -> Result<Response, ApiError> {
    let token = auth::bearer(request.headers()).ok_or_else(auth::unauthorised)?;
    let opened = state.registry.opened_by(token);
    let Some(home) = opened.first() else {
        return Err(auth::unauthorised());
    };
    let only = opened.len() == 1;
    let headers = request.headers().clone();
    let session = |name: Option<&str>| match name {
        Some(name) => {
            let session = auth::open_api(&state.registry, name, &headers)?;
            // For the first one it was counted before its body was read.
            if !Arc::ptr_eq(&session, home) {
                rate_limit::count(&session, &headers)?;
            }
            Ok(session)
        }
        None if only => Ok(home.clone()),
        None => Err(call::missing_session()),
    };
    let (call, body) = Call::of(request).await?;
    call.run(body, home.clone(), session).await
}

/// Sends a message, like `/api/messages/send`, with the session in the path.
#[utoipa::path(
    post, path = "/api/sessions/{session}/messages/send", tag = "messages",
    operation_id = "sendMessageOfSession",
    params(
        ("session" = String, Path, description = "Session name"),
        ("prefer" = Option<String>, Header, description = "respond-async"),
        ("idempotency-key" = Option<String>, Header, description = "Makes a repeat the same call")
    ),
    request_body(content = Message, content_type = "application/json"),
    responses(
        (status = 200, description = "Sent", body = Data<SentMessage>),
        (status = 202, description = "On disk; command.result follows", body = Data<Command>),
        (status = 400, description = "A field is wrong; the pointer names it", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "sending_not_configured", body = ErrorBody),
        (status = 413, description = "too_large", body = ErrorBody),
        (status = 415, description = "Not JSON; or the file is of another type", body = ErrorBody),
        (status = 422, description = "recipient_not_found; gateway_refused; whatsapp_refused; link_unusable; idempotency_key_reused", body = ErrorBody),
        (status = 500, description = "The file to send was lost", body = ErrorBody),
        (status = 502, description = "gateway_unavailable and other faults of the gateway; upload_failed, send_failed, not_acknowledged", body = ErrorBody),
        (status = 503, description = "chat_busy; spool_full; gateway_not_connected; device_not_connected; sending_unavailable; the store can't take it now", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn send_of_session(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let session = auth::open_api(&state.registry, &session, request.headers())?;
    let named = |name: Option<&str>| match name {
        Some(name) if name != session.key().session => Err(call::other_session()),
        _ => Ok(session.clone()),
    };
    let (call, body) = Call::of(request).await?;
    call.run(body, session.clone(), named).await
}
