//! Save a file now, or join the transfer that already does.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Data, ErrorBody, State,
    error::ApiError,
    media::{find, refuse_faulty, require_storage},
    media_info::{MediaInfo, MediaInfos},
    path::Names,
    prefer::Preferences,
};
use crate::{
    clock,
    session::Session,
    store::{MediaRecord, MediaStatus, NewCommand},
    transfer::lost,
};

/// How long a caller waits who does not say.
const WAIT: Duration = Duration::from_mins(1);

/// A file that is not in the bucket yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Unfinished {
    /// The wait ran out.
    Waited(Box<MediaInfo>),
    /// `respond-async`: the event `command.result` follows.
    Command(Command),
}

/// Names a call that an event answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Command {
    /// In the event too.
    #[schema(example = "cmd-0123456789abcdef01234567")]
    correlation_id: String,
}

impl Command {
    pub(super) fn new(correlation_id: String) -> Self {
        Self { correlation_id }
    }
}

/// Saves a file into the tenant's bucket. Idempotent: a second call joins the first, and a caller
/// that hangs up does not stop it. A file whose object is in the bucket no more is saved again, while
/// WhatsApp's CDN has it. A file that has left the CDN waits for the phone, where the session has a linked
/// device (`waiting`, with the retryable error `media_expired`), for 14 days at most. `Prefer: wait=N` (seconds) bounds the wait; then 202. With
/// `Prefer: respond-async` the answer is 202 at once (or after `wait=N`), and the event
/// `command.result` follows when the file is in the bucket or given up.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/persist", tag = "media",
    operation_id = "persistMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("prefer" = Option<String>, Header, description = "wait=N, seconds, default 60; respond-async")
    ),
    responses(
        (status = 200, description = "In the bucket", body = Data<MediaInfo>),
        (status = 202, description = "Still on its way", body = Data<Unfinished>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 409, description = "storage_not_configured", body = ErrorBody),
        (status = 410, description = "media_expired; object_gone", body = ErrorBody),
        (status = 413, description = "Larger than the session's limit", body = ErrorBody),
        (status = 422, description = "media_invalid: the sender's fault", body = ErrorBody),
        (status = 502, description = "integrity_failed", body = ErrorBody),
        (status = 503, description = "The store can't take it now", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn persist(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (session, mut record) = find(&state, &headers, &session, media).await?;
    if record.status == MediaStatus::Stored && lost::look(&session, &record).await {
        lost::save_again(&session, &record).await?;
        record.status = MediaStatus::Queued;
    }
    if record.status != MediaStatus::Stored {
        refuse_faulty(&record)?;
        require_storage(&session)?;
    }
    let preferences = Preferences::of(&headers);
    if preferences.respond_async && preferences.wait.is_none() {
        return respond_async(&session, &record).await;
    }
    // While the bucket can't even be tried, waiting leads to nothing: the file is queued.
    let wait = match session.bucket() {
        Ok(_) => preferences.wait.unwrap_or(WAIT),
        Err(_) => Duration::ZERO,
    };
    let settled = save(&session, record, wait).await?;
    let info = || session.info(&settled, clock::now());
    match settled.status {
        MediaStatus::Stored => Ok(Data { data: info() }.into_response()),
        MediaStatus::Failed => Err(settled
            .error
            .as_ref()
            .map_or_else(ApiError::media_not_found, ApiError::of_record)),
        _ if preferences.respond_async => respond_async(&session, &settled).await,
        _ => {
            let data = Unfinished::Waited(Box::new(info()));
            Ok((StatusCode::ACCEPTED, Json(Data { data })).into_response())
        }
    }
}

/// Queues the file; an event tells what became of it.
async fn respond_async(session: &Session, record: &MediaRecord) -> Result<Response, ApiError> {
    let correlation_id = format!("cmd-{}", hex::encode(rand::random::<[u8; 12]>()));
    let command = NewCommand {
        id: correlation_id.clone(),
        endpoints: session.endpoints_wanting("command.result"),
    };
    let store = session.store();
    let found = store
        .command_persist(&record.id, command, clock::now())
        .await?;
    if !found {
        return Err(ApiError::media_not_found());
    }
    let data = Unfinished::Command(Command::new(correlation_id));
    let mut response = (StatusCode::ACCEPTED, Json(Data { data })).into_response();
    response.headers_mut().insert(
        "preference-applied",
        HeaderValue::from_static("respond-async"),
    );
    Ok(response)
}

/// Queues the file and waits until it is stored, given up, or time is up.
async fn save(
    session: &Arc<Session>,
    record: MediaRecord,
    wait: Duration,
) -> Result<MediaRecord, ApiError> {
    if record.status == MediaStatus::Stored {
        return Ok(record);
    }
    let mut states = session.media_changes();
    let id = record.id.clone();
    let mut latest = session
        .store()
        .request_persist(&id, clock::now())
        .await?
        .ok_or_else(ApiError::media_not_found)?;
    let deadline = tokio::time::sleep(wait);
    tokio::pin!(deadline);
    while !matches!(latest.status, MediaStatus::Stored | MediaStatus::Failed) {
        tokio::select! {
            () = &mut deadline => break,
            () = session.stopping().cancelled() => break,
            change = states.changed() => if change.is_err() { break },
        }
        latest = session
            .store()
            .media(&id)
            .await?
            .ok_or_else(ApiError::media_not_found)?;
    }
    Ok(latest)
}
