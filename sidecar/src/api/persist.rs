//! Save a file now, or join the transfer that already does.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, StatusCode},
};

use super::{
    Data, ErrorBody, State,
    error::ApiError,
    media::find,
    media_info::{MediaInfo, MediaInfos},
    path::Names,
};
use crate::{
    clock,
    config::Storage,
    session::Session,
    store::{MediaRecord, MediaStatus},
    transfer::TransferError,
};

/// How long a caller waits who does not say.
const WAIT: Duration = Duration::from_mins(1);

/// Longest wait that a caller may ask for.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// Saves a file into the tenant's bucket. Idempotent: a second call joins the first, and a caller
/// that hangs up does not stop it. `Prefer: wait=N` (seconds) bounds the wait; then 202.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/persist", tag = "media",
    operation_id = "persistMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("prefer" = Option<String>, Header, description = "wait=N, seconds; default 60")
    ),
    responses(
        (status = 200, description = "In the bucket", body = Data<MediaInfo>),
        (status = 202, description = "Still on its way", body = Data<MediaInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 409, description = "storage_not_configured", body = ErrorBody),
        (status = 410, description = "media_expired", body = ErrorBody),
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
) -> Result<(StatusCode, Json<Data<MediaInfo>>), ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    if record.status != MediaStatus::Stored {
        if let Some(fault) = &record.reference.fault {
            return Err(TransferError::Invalid(fault.clone()).into());
        }
        if matches!(session.config().storage, Storage::NotConfigured) {
            session.bucket()?;
        }
    }
    // While the bucket can't even be tried, waiting leads to nothing: the file is queued.
    let wait = match session.bucket() {
        Ok(_) => wait(&headers),
        Err(_) => Duration::ZERO,
    };
    let settled = save(&session, record, wait).await?;
    let status = match settled.status {
        MediaStatus::Stored => StatusCode::OK,
        MediaStatus::Failed => {
            return Err(settled
                .error
                .as_ref()
                .map_or_else(ApiError::media_not_found, ApiError::of_record));
        }
        _ => StatusCode::ACCEPTED,
    };
    let data = session.info(&settled, clock::now());
    Ok((status, Json(Data { data })))
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

/// `Prefer: wait=N` (RFC 7240).
fn wait(headers: &HeaderMap) -> Duration {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| {
            let (name, seconds) = preference.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| seconds.trim().parse().ok().map(Duration::from_secs))?
        })
        .unwrap_or(WAIT)
        .min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_caller_says_how_long_to_wait() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            wait(&headers)
        };
        assert_eq!(of("wait=5"), Duration::from_secs(5));
        assert_eq!(of("respond-async, wait=7"), Duration::from_secs(7));
        assert_eq!(of("wait=soon"), WAIT);
        assert_eq!(of("wait=999999"), MAX_WAIT);
        assert_eq!(wait(&HeaderMap::new()), WAIT);
    }
}
