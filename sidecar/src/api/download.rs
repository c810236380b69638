//! A file's bytes, as they are decrypted or as they lie in the bucket.

use axum::{
    body::Body,
    extract::{Path, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{ErrorBody, State, error::ApiError, media::find};
use crate::{
    bucket::{BucketError, disposition},
    store::{MediaRecord, MediaStatus},
    transfer::{TransferError, download},
};

/// Raw bytes of a file. A corrupt file is never a complete 200: up to 1 MiB it is a 502, above
/// that the connection is cut.
#[utoipa::path(
    post, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id"),
        ("range" = Option<String>, Header, description = "One range of a persisted file")
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "A part of a persisted file", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 401, description = "No or unknown key", body = ErrorBody),
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
    Path((session, media)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    let known = sha256(&record);
    if let Some(not_modified) = not_modified(&headers, known, &record)? {
        return Ok(not_modified);
    }
    let range = range(&headers, known);
    let file = download::download(&session, &record, range)
        .await
        .map_err(|error| of_download(error, &record))?;
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

/// Headers of a download, from the record alone: never contacts the CDN.
#[utoipa::path(
    head, path = "/api/sessions/{session}/media/{media}/download", tag = "media",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id")
    ),
    responses(
        (status = 200, description = "The headers of the file"),
        (status = 304, description = "The caller has it: If-None-Match"),
        (status = 401, description = "No or unknown key"),
        (status = 404, description = "No such session or media for this key"),
        (status = 422, description = "media_invalid: the sender's fault"),
    ),
    security(("key" = []))
)]
pub(super) async fn head(
    Extract(state): Extract<State>,
    Path((session, media)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (_, record) = find(&state, &headers, &session, media).await?;
    if let Some(fault) = &record.reference.fault {
        return Err(TransferError::Invalid(fault.clone()).into());
    }
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

/// The range to pass on: only a single one, and only if the caller's part is of this very file.
fn range(headers: &HeaderMap, sha256: Option<[u8; 32]>) -> Option<&str> {
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    if !range.starts_with("bytes=") || range.contains(',') {
        return None;
    }
    match (headers.get(header::IF_RANGE), sha256) {
        (None, _) => Some(range),
        (Some(condition), Some(sha256)) => {
            (condition.as_bytes() == etag(sha256).as_bytes()).then_some(range)
        }
        (Some(_), None) => None,
    }
}

fn of_download(error: TransferError, record: &MediaRecord) -> ApiError {
    match error {
        TransferError::Bucket(BucketError::RangeNotSatisfiable) => ApiError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            format!(
                "the file has {} bytes",
                record.stored_length.unwrap_or_default()
            ),
        ),
        error => error.into(),
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
