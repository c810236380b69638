//! A file's bytes, as they are decrypted or as they lie in the bucket.

use axum::{
    body::Body,
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    State,
    download_answers::DownloadAnswers,
    error::ApiError,
    media::{find, refuse_faulty},
    path::Names,
    representation::{Representation, header_value},
    thumbnail,
};
use crate::{
    clock,
    session::Session,
    store::{MediaRecord, MediaStatus},
    transfer::{ByteRange, download},
};

/// What of a file is wanted, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `thumbnail`: the file's thumbnail, from the CDN while it lasts, else the small one that came
    /// with the message.
    #[param(value_type = Option<String>)]
    variant: Option<Variant>,
    /// Once the file is persisted: 302 to a URL that opens the object by itself.
    #[serde(default)]
    redirect: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Variant {
    Thumbnail,
}

type WantedQuery = Result<Query<Wanted>, QueryRejection>;

/// Raw bytes of a file. A corrupt file is never a complete 200: up to 1 MiB it is a 502, above
/// that the connection is cut. `Range` is honoured for persisted files, and for video and audio
/// with a streaming sidecar; elsewhere the whole file is sent. A file that has left WhatsApp's CDN is asked
/// for again, where the session has a linked device: the call waits for the phone up to 30 seconds, then
/// it is 503 `media_requested` with `Retry-After`.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    operation_id = "downloadMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("range" = Option<String>, Header, description = "One range of bytes"),
        ("if-range" = Option<String>, Header, description = "ETag of the file that the range is of"),
        Wanted
    ),
    responses(DownloadAnswers),
    security(("key" = []))
)]
pub(super) async fn download(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    wanted: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    let Query(wanted) = wanted?;
    refuse_faulty(&record)?;
    if wanted.variant == Some(Variant::Thumbnail) {
        return thumbnail::send(&session, &record, &headers).await;
    }
    let file = Representation::of(&record);
    if let Some(not_modified) = file.not_modified(&headers)? {
        return Ok(not_modified);
    }
    if wanted.redirect
        && let Some(redirect) = redirect(&session, &record)?
    {
        return Ok(redirect);
    }
    let range = headers
        .get(header::RANGE)
        .and_then(|range| ByteRange::parse(range.to_str().ok()?))
        .filter(|_| file.is_unchanged(&headers));
    send(&session, &record, file, range).await
}

async fn send(
    session: &Session,
    record: &MediaRecord,
    file: Representation<'_>,
    range: Option<ByteRange>,
) -> Result<Response, ApiError> {
    let found = download::download(session, record, range).await?;
    let mut response = Response::new(Body::from_stream(found.body));
    let sent = Representation {
        sha256: found.sha256,
        ..file
    };
    sent.describe(response.headers_mut())?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(found.length));
    if let Some(range) = found.content_range {
        headers.insert(header::CONTENT_RANGE, header_value(&range)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The same as `POST`, for players and browsers.
#[utoipa::path(
    get, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    operation_id = "downloadMediaByGet",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("range" = Option<String>, Header, description = "One range of bytes"),
        ("if-range" = Option<String>, Header, description = "ETag of the file that the range is of"),
        Wanted
    ),
    responses(DownloadAnswers),
    security(("key" = []))
)]
pub(super) async fn download_by_get(
    state: Extract<State>,
    names: Names<(String, String)>,
    wanted: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    download(state, names, wanted, headers).await
}

/// Headers of a download, from the record alone: never contacts the CDN or the bucket.
#[utoipa::path(
    head, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    operation_id = "describeDownload",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        Wanted
    ),
    responses(
        (status = 200, description = "The headers of the file, or of its thumbnail"),
        (status = 302, description = "redirect=true: Location opens the object by itself"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 400, description = "The path or a parameter can not be read"),
        (status = 401, description = "No or unknown key"),
        (status = 403, description = "The key opens /inbound only"),
        (status = 404, description = "No such session or media for this key; thumbnail_not_found"),
        (status = 422, description = "media_invalid: the sender's fault"),
        (status = 503, description = "The session's store does not answer"),
    ),
    security(("key" = []))
)]
pub(super) async fn head(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    wanted: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    let Query(wanted) = wanted?;
    refuse_faulty(&record)?;
    if wanted.variant == Some(Variant::Thumbnail) {
        return thumbnail::head(&record, &headers);
    }
    let file = Representation::of(&record);
    if let Some(not_modified) = file.not_modified(&headers)? {
        return Ok(not_modified);
    }
    if wanted.redirect
        && let Some(redirect) = redirect(&session, &record)?
    {
        return Ok(redirect);
    }
    let mut response = Response::new(Body::empty());
    file.describe(response.headers_mut())?;
    let reference = &record.reference;
    let length = record
        .stored_length
        .or_else(|| session.known_lengths().of(reference))
        .or(reference.file_length);
    if let Some(length) = length {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// To the object itself; `None` while it is not in the bucket, or the bucket can't be used.
fn redirect(session: &Session, record: &MediaRecord) -> Result<Option<Response>, ApiError> {
    let stored = record.status == MediaStatus::Stored;
    let Some(key) = record.key.as_deref().filter(|_| stored) else {
        return Ok(None);
    };
    let Ok(url) = session
        .bucket_of(record)
        .and_then(|bucket| Ok(bucket.redirect_url(key, clock::now())?))
        .inspect_err(|error| {
            tracing::info!(session = %session.key(), media = %record.id, %error, "no URL to redirect to");
        })
    else {
        return Ok(None);
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(&url.url)?);
    // The URL opens the object for whoever has it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Some(response))
}
