//! A file's bytes, as they are decrypted or as they lie in the bucket.

use axum::{
    body::Body,
    extract::State as Extract,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    ErrorBody, State,
    error::ApiError,
    media::find,
    path::Names,
    range::{self, Asked},
};
use crate::{
    bucket::disposition,
    store::{MediaRecord, MediaStatus},
    transfer::{TransferError, download},
};

/// Raw bytes of a file. A corrupt file is never a complete 200: up to 1 MiB it is a 502, above
/// that the connection is cut.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    operation_id = "downloadMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("range" = Option<String>, Header, description = "One range of a persisted file")
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "A part of a persisted file", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 410, description = "media_expired or object_gone", body = ErrorBody),
        (status = 413, description = "Larger than the session's limit", body = ErrorBody),
        (status = 416, description = "No such range", body = ErrorBody),
        (status = 422, description = "media_invalid: the sender's fault", body = ErrorBody),
        (status = 502, description = "cdn_unreachable or integrity_failed", body = ErrorBody),
        (status = 503, description = "The bucket does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn download(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    refuse_faulty(&record)?;
    let known = sha256(&record);
    if let Some(not_modified) = not_modified(&headers, known, &record)? {
        return Ok(not_modified);
    }
    let range = range(&headers, known, &record)?;
    let file = download::download(&session, &record, range).await?;
    let mut response = Response::new(Body::from_stream(file.body));
    describe(response.headers_mut(), &record, file.sha256)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.length));
    if let Some(range) = file.content_range {
        headers.insert(header::CONTENT_RANGE, header_value(&range)?);
        // The digest is of the whole file; `Repr-Digest` says so, whatever part is sent.
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
        ("range" = Option<String>, Header, description = "One range of a persisted file")
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "A part of a persisted file", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 410, description = "media_expired or object_gone", body = ErrorBody),
        (status = 413, description = "Larger than the session's limit", body = ErrorBody),
        (status = 416, description = "No such range", body = ErrorBody),
        (status = 422, description = "media_invalid: the sender's fault", body = ErrorBody),
        (status = 502, description = "cdn_unreachable or integrity_failed", body = ErrorBody),
        (status = 503, description = "The bucket does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn download_by_get(
    state: Extract<State>,
    names: Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    download(state, names, headers).await
}

/// Headers of a download, from the record alone: never contacts the CDN.
#[utoipa::path(
    head, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    operation_id = "describeDownload",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id")
    ),
    responses(
        (status = 200, description = "The headers of the file"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 400, description = "The path can not be read"),
        (status = 401, description = "No or unknown key"),
        (status = 403, description = "The key opens /inbound only"),
        (status = 404, description = "No such session or media for this key"),
        (status = 422, description = "media_invalid: the sender's fault"),
        (status = 503, description = "The session's store does not answer"),
    ),
    security(("key" = []))
)]
pub(super) async fn head(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (_, record) = find(&state, &headers, &session, media).await?;
    refuse_faulty(&record)?;
    let known = sha256(&record);
    if let Some(not_modified) = not_modified(&headers, known, &record)? {
        return Ok(not_modified);
    }
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), &record, known)?;
    if let Some(length) = record.stored_length.or(record.reference.file_length) {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

fn sha256(record: &MediaRecord) -> Option<[u8; 32]> {
    record.stored_sha256.or(record.reference.sha256)
}

fn etag(sha256: [u8; 32]) -> String {
    format!("\"{}\"", hex::encode(sha256))
}

fn describe(
    headers: &mut HeaderMap,
    record: &MediaRecord,
    sha256: Option<[u8; 32]>,
) -> Result<(), ApiError> {
    let content_type = record.reference.content_type();
    headers.insert(header::CONTENT_TYPE, header_value(content_type)?);
    headers.insert(
        header::CONTENT_DISPOSITION,
        header_value(&disposition::header(
            record.reference.file_name.as_deref(),
            record.reference.content_type(),
        ))?,
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::ACCEPT_RANGES,
        HeaderValue::from_static(if record.status == MediaStatus::Stored {
            "bytes"
        } else {
            "none"
        }),
    );
    if let Some(sha256) = sha256 {
        headers.insert(header::ETAG, header_value(&etag(sha256))?);
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256));
        headers.insert("repr-digest", header_value(&digest)?);
    }
    Ok(())
}

/// A 304 where the caller's copy is current (RFC 9110 §13.1.2).
fn not_modified(
    headers: &HeaderMap,
    sha256: Option<[u8; 32]>,
    record: &MediaRecord,
) -> Result<Option<Response>, ApiError> {
    let Some((sha256, wanted)) = sha256.zip(headers.get(header::IF_NONE_MATCH)) else {
        return Ok(None);
    };
    let etag = etag(sha256);
    let current = wanted.to_str().is_ok_and(|wanted| {
        wanted
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag == etag)
    });
    if !current {
        return Ok(None);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    describe(response.headers_mut(), record, Some(sha256))?;
    Ok(Some(response))
}

/// The range to send: a single one of a persisted file, and only if the caller's part is of this
/// very file.
fn range(
    headers: &HeaderMap,
    sha256: Option<[u8; 32]>,
    record: &MediaRecord,
) -> Result<Option<(u64, u64)>, ApiError> {
    let stored = record.status == MediaStatus::Stored;
    let (Some(length), Some(range)) = (
        record.stored_length.filter(|_| stored),
        headers
            .get(header::RANGE)
            .and_then(|range| range.to_str().ok()),
    ) else {
        return Ok(None);
    };
    if let Some(condition) = headers.get(header::IF_RANGE)
        && sha256.is_none_or(|sha256| condition.as_bytes() != etag(sha256).as_bytes())
    {
        return Ok(None);
    }
    match range::asked(range, length) {
        Asked::Whole => Ok(None),
        Asked::Part(first, last) => Ok(Some((first, last))),
        Asked::Outside => Err(ApiError::outside_of(length)),
    }
}

/// What the sender described wrongly is never fetched, whatever the caller has of it.
fn refuse_faulty(record: &MediaRecord) -> Result<(), ApiError> {
    match &record.reference.fault {
        Some(fault) => Err(TransferError::Invalid(fault.clone()).into()),
        None => Ok(()),
    }
}

fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|_| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "a header value could not be made",
        )
    })
}
