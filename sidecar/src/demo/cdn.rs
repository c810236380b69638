//! A sample CDN: encrypted files under their paths, whole or from a byte on.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::net::TcpListener;
use url::Url;

use super::{DemoError, samples::Sample};

/// Serves blobs by path; the query is WhatsApp's signature and not looked at.
///
/// # Errors
///
/// When no loopback port can be had.
pub(super) async fn start(samples: &[Sample]) -> Result<Url, DemoError> {
    let blobs: HashMap<String, Bytes> = samples
        .iter()
        .map(|sample| {
            let path = sample.direct_path.split('?').next().unwrap_or_default();
            (path.to_owned(), sample.blob.clone())
        })
        .collect();
    let router = Router::new().fallback(serve).with_state(Arc::new(blobs));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let origin = super::origin(listener.local_addr()?)?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(origin)
}

async fn serve(State(blobs): State<Arc<HashMap<String, Bytes>>>, request: Request) -> Response {
    let Some(blob) = blobs.get(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match range(request.headers(), blob.len()) {
        None => blob.clone().into_response(),
        Some(start) => {
            let last = blob.len() - 1;
            let content_range = format!("bytes {start}-{last}/{}", blob.len());
            let headers = [(header::CONTENT_RANGE, content_range)];
            (StatusCode::PARTIAL_CONTENT, headers, blob.slice(start..)).into_response()
        }
    }
}

/// First byte of `bytes=N-…` or `bytes=-N`, where it is inside.
fn range(headers: &HeaderMap, length: usize) -> Option<usize> {
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = if start.is_empty() {
        length.checked_sub(end.parse().ok()?)?
    } else {
        start.parse().ok()?
    };
    (start < length).then_some(start)
}
