//! Bodies that are too large: refused before they are read, and read on for a while and dropped,
//! because a connection that is closed with unread bytes is reset, and the caller would never see why.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// Of a body that is too large, so many bytes are read and dropped, for so long.
const MOST_DROPPED: u64 = 64 * 1024 * 1024;
const LONGEST_DROPPING: Duration = Duration::from_secs(10);

/// The body back, unless its declared length is over `limit` bytes.
pub(super) async fn refuse(headers: &HeaderMap, body: Body, limit: u64) -> Option<Body> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    let Some(length) = declared.filter(|length| *length > limit) else {
        return Some(body);
    };
    // To read is to invite whoever asked first (`Expect: 100-continue`), and in vain for more than is dropped.
    if length <= MOST_DROPPED && !headers.contains_key(header::EXPECT) {
        drop_rest(body).await;
    }
    None
}

/// Reads what is left of a body, within bounds, and keeps nothing.
pub(super) async fn drop_rest(mut body: Body) {
    let mut dropped = 0;
    let rest = async {
        while dropped < MOST_DROPPED
            && let Some(Ok(frame)) = body.frame().await
        {
            dropped += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
    };
    // A caller that goes on for longer is cut off.
    drop(tokio::time::timeout(LONGEST_DROPPING, rest).await);
}
