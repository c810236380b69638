//! A session's linked device by hand: start, stop, log out.

use axum::{extract::State as Extract, http::HeaderMap};

use super::{
    Data, ErrorBody, State, auth,
    error::ApiError,
    pair,
    path::Names,
    sessions::{SessionInfo, info},
};
use crate::{clock, device::words::Happening};

/// Connects a device that is stopped, and at once one that waits. One that is not linked shows codes again.
#[utoipa::path(
    post, path = "/api/sessions/{session}/start", tag = "sessions",
    operation_id = "startSession",
    params(("session" = String, Path, description = "Session name")),
    responses(
        (status = 200, description = "The session", body = Data<SessionInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured", body = ErrorBody),
        (status = 503, description = "device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn start(
    state: Extract<State>,
    session: Names<String>,
    headers: HeaderMap,
) -> Result<Data<SessionInfo>, ApiError> {
    act(state, session, &headers, Act::Start).await
}

/// Disconnects the device until it is started. What is sent to it meanwhile waits at WhatsApp.
#[utoipa::path(
    post, path = "/api/sessions/{session}/stop", tag = "sessions",
    operation_id = "stopSession",
    params(("session" = String, Path, description = "Session name")),
    responses(
        (status = 200, description = "The session", body = Data<SessionInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured", body = ErrorBody),
        (status = 503, description = "device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn stop(
    state: Extract<State>,
    session: Names<String>,
    headers: HeaderMap,
) -> Result<Data<SessionInfo>, ApiError> {
    act(state, session, &headers, Act::Stop).await
}

/// Unlinks the device and deletes its keys. Records and objects stay.
#[utoipa::path(
    post, path = "/api/sessions/{session}/logout", tag = "sessions",
    operation_id = "logoutSession",
    params(("session" = String, Path, description = "Session name")),
    responses(
        (status = 200, description = "The session", body = Data<SessionInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured", body = ErrorBody),
        (status = 503, description = "device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn logout(
    state: Extract<State>,
    session: Names<String>,
    headers: HeaderMap,
) -> Result<Data<SessionInfo>, ApiError> {
    act(state, session, &headers, Act::LogOut).await
}

enum Act {
    Start,
    Stop,
    LogOut,
}

async fn act(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    headers: &HeaderMap,
    act: Act,
) -> Result<Data<SessionInfo>, ApiError> {
    let session = auth::open_api(&state.registry, &session, headers)?;
    let client = pair::device(&session)?.client();
    let status = match act {
        Act::Start => client.start().await,
        Act::Stop => client.stop().await,
        Act::LogOut => client.logout().await,
    }?;
    // The answer says what the event will say: the caller need not wait for it.
    let status = Happening::Status(Box::new(status));
    session.happened(status, clock::now()).await?;
    Ok(Data {
        data: info(&session).await?,
    })
}
