//! Reading an object back, whole or one range of it, as a stream.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::Stream;
use http_body::Body as _;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::client::Bucket;
use super::error::{BucketError, Operation};

/// An object, or the part of it that was asked for.
#[derive(Debug)]
pub struct Object {
    /// 200, or 206 for a range.
    pub status: u16,
    /// Bytes in `body`.
    pub length: u64,
    /// `Content-Range`, with a 206.
    pub content_range: Option<String>,
    /// As it was stored.
    pub content_type: Option<String>,
    /// The store's tag.
    pub etag: Option<String>,
    /// User metadata. Some stores change the case of its names.
    pub metadata: HashMap<String, String>,
    /// The bytes. They end in an error if fewer than `length` come.
    pub body: ObjectBody,
}

/// An object's bytes as they come.
#[derive(Debug)]
pub struct ObjectBody {
    body: SdkBody,
    left: u64,
    /// How long the store may be silent.
    patience: Duration,
    idle: Pin<Box<Sleep>>,
}

// === impl Bucket ===

impl Bucket {
    /// Reads `key`. `range` is a `Range` header's value, passed on as it is; a store may ignore it
    /// (then `status` is 200).
    pub async fn get(&self, key: &str, range: Option<&str>) -> Result<Object, BucketError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.config().bucket)
            .key(key)
            .set_range(range.map(str::to_owned));
        let answer = timeout(self.patience.answer, request.send()).await;
        let output = answer
            .map_err(|_| BucketError::Timeout("an answer was awaited"))?
            .map_err(|error| self.failure(Operation::Get, false, error))?;
        let length = output
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or(BucketError::Answer("it has no content-length"))?;
        let status = if output.content_range.is_some() {
            206
        } else {
            200
        };
        Ok(Object {
            status,
            length,
            content_range: output.content_range,
            content_type: output.content_type,
            etag: output.e_tag,
            metadata: output.metadata.unwrap_or_default(),
            body: ObjectBody {
                body: output.body.into_inner(),
                left: length,
                patience: self.patience.reading,
                idle: Box::pin(sleep(self.patience.reading)),
            },
        })
    }
}

// === impl ObjectBody ===

impl Stream for ObjectBody {
    type Item = Result<Bytes, BucketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                ready!(this.idle.as_mut().poll(cx));
                return Poll::Ready(Some(Err(BucketError::Timeout("an object was read"))));
            };
            this.idle.as_mut().reset(Instant::now() + this.patience);
            return Poll::Ready(match frame {
                Some(Ok(frame)) => {
                    let Ok(chunk) = frame.into_data() else {
                        continue;
                    };
                    match this.left.checked_sub(chunk.len() as u64) {
                        Some(left) => {
                            this.left = left;
                            Some(Ok(chunk))
                        }
                        None => Some(Err(BucketError::Answer("it is longer than announced"))),
                    }
                }
                Some(Err(error)) => Some(Err(BucketError::network(error))),
                None if this.left > 0 => {
                    this.left = 0;
                    Some(Err(BucketError::Answer("it is shorter than announced")))
                }
                None => None,
            });
        }
    }
}
