//! An asynchronous body as a blocking reader: JSON, decryption and files are read step by step.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_util::io::{StreamReader, SyncIoBridge};

/// Between two pieces of a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// For all of it: one that trickles would keep others from being read.
const LONGEST: Duration = Duration::from_mins(10);

/// Reads `body` in a thread that may block. A body that says nothing for 30 seconds, or takes more than
/// ten minutes, is an error of kind [`io::ErrorKind::TimedOut`]; one that breaks off is one of another kind.
///
/// Must be called within the runtime, and read outside of its workers.
pub(super) fn blocking<B>(body: B) -> impl io::Read + Send + 'static
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let end = Instant::now() + LONGEST;
    let pieces = stream::unfold(body, move |mut body| async move {
        loop {
            let deadline = end.min(Instant::now() + PATIENCE);
            let piece = match timeout_at(deadline, body.frame()).await {
                Ok(None) => return None,
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Ok(data),
                    Err(_trailers) => continue,
                },
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            return Some((piece, body));
        }
    });
    SyncIoBridge::new(StreamReader::new(Box::pin(pieces)))
}
