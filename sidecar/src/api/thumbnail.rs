//! A file's thumbnail for a caller.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use super::{error::ApiError, representation::Representation};
use crate::{
    session::Session,
    store::MediaRecord,
    transfer::{TransferError, thumbnail},
};

/// The type of a thumbnail that is still on the CDN: WhatsApp makes JPEGs.
const USUAL_TYPE: &str = "image/jpeg";

/// The picture.
pub(super) async fn send(
    session: &Session,
    record: &MediaRecord,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(expected) = expected(record)
        && let Some(not_modified) = expected.not_modified(headers)?
    {
        return Ok(not_modified);
    }
    let picture = thumbnail::thumbnail(session, record).await?;
    let sent = Representation {
        content_type: picture.content_type,
        file_name: None,
        sha256: Some(picture.sha256),
        ranges: false,
    };
    if let Some(not_modified) = sent.not_modified(headers)? {
        return Ok(not_modified);
    }
    let length = picture.bytes.len();
    let mut response = Response::new(Body::from(picture.bytes));
    sent.describe(response.headers_mut())?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Its headers, as far as the message tells them.
pub(super) fn head(record: &MediaRecord, headers: &HeaderMap) -> Result<Response, ApiError> {
    let expected = expected(record).ok_or(TransferError::NoThumbnail)?;
    if let Some(not_modified) = expected.not_modified(headers)? {
        return Ok(not_modified);
    }
    let mut response = Response::new(Body::empty());
    expected.describe(response.headers_mut())?;
    if thumbnail::on_cdn(&record.reference).is_none()
        && let Some(picture) = thumbnail::inline(&record.reference)
    {
        let length = HeaderValue::from(picture.bytes.len());
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
    Ok(response)
}

/// What will be sent, so long as the CDN has it.
fn expected(record: &MediaRecord) -> Option<Representation<'static>> {
    let (content_type, sha256) = if let Some(reference) = thumbnail::on_cdn(&record.reference) {
        (USUAL_TYPE, reference.sha256)
    } else {
        let picture = thumbnail::inline(&record.reference)?;
        (picture.content_type, Some(picture.sha256))
    };
    Some(Representation {
        content_type,
        file_name: None,
        sha256,
        ranges: false,
    })
}
