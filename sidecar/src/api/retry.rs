//! Try again to save a file, or all that failed.

use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Data, ErrorBody, State, auth,
    error::ApiError,
    media::{find, refuse_faulty, require_storage},
    media_info::{MediaInfo, MediaInfos},
    path::Names,
};
use crate::{clock, store::MediaStatus};

/// Queues a file again, also one that was given up; the phone of a linked device is asked for it anew if the
/// CDN does not have it. Idempotent: what is in the bucket or on its way
/// stays as it is.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/retry", tag = "media",
    operation_id = "retryMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id")
    ),
    responses(
        (status = 200, description = "In the bucket already", body = Data<MediaInfo>),
        (status = 202, description = "Queued, or on its way", body = Data<MediaInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 409, description = "storage_not_configured", body = ErrorBody),
        (status = 422, description = "media_invalid: the sender's fault", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn retry(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Data<MediaInfo>>), ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    let record = if record.status == MediaStatus::Stored {
        record
    } else {
        refuse_faulty(&record)?;
        require_storage(&session)?;
        let store = session.store();
        store
            .retry(&record.id, clock::now())
            .await?
            .ok_or_else(ApiError::media_not_found)?
    };
    let status = match record.status {
        MediaStatus::Stored => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    let data = session.info(&record, clock::now());
    Ok((status, Json(Data { data })))
}

/// Which files to try again.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `failed` (the default) or `waiting`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    status: Retryable,
    /// Received at or after this time (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
}

/// States that a file does not leave by itself, or not at once.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Retryable {
    #[default]
    Failed,
    Waiting,
}

/// How many files were queued.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queued {
    /// Files queued by this call.
    queued: u64,
}

/// Queues all files that failed, or that wait for another try. What the sender described wrongly
/// (`media_invalid`) is left out. Idempotent: what is queued already is not counted again.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/retry", tag = "media",
    operation_id = "retryAllMedia",
    params(("session" = String, Path, description = "Session name"), Which),
    responses(
        (status = 200, description = "Queued", body = Data<Queued>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "storage_not_configured", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn retry_all(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Data<Queued>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(which) = which?;
    require_storage(&session)?;
    let status = match which.status {
        Retryable::Failed => MediaStatus::Failed,
        Retryable::Waiting => MediaStatus::Waiting,
    };
    let store = session.store();
    let queued = store.retry_all(status, which.since, clock::now()).await?;
    Ok(Data {
        data: Queued { queued },
    })
}
