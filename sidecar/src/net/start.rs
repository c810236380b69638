//! The first bytes of an answer.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

/// The first `limit` bytes of an answer whose status has decided already: a body that breaks off, or has not
/// come by `deadline`, is simply shorter.
pub async fn start_of(mut body: Incoming, limit: usize, deadline: Instant) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < limit {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else {
            break;
        };
        let data = frame.into_data().unwrap_or_else(|_| Bytes::new());
        let room = limit - start.len();
        start.extend(data.iter().take(room));
    }
    start
}
