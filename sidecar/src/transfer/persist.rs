//! One file from the CDN into the bucket: a single pass, a single `PutObject`.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{
    error::TransferError,
    source::{self, Fetch, Source},
};
use crate::{
    bucket::{BoxError, Bucket, NewObject, disposition},
    cdn::Cdn,
    media::IntegrityError,
    store::{MediaRecord, Stored},
};

/// Saves one file under `key`.
///
/// A declared length that differs from the true one by less than a cipher block shows only at the
/// end; the transfer is then restarted once with the length that the padding tells. A store that
/// refuses the checksum header is asked again without it.
///
/// # Errors
///
/// The CDN's, the integrity check's or the bucket's; no object appears unless `Ok` is returned.
pub async fn persist(
    cdn: &Cdn,
    bucket: &Bucket,
    record: &MediaRecord,
    key: &str,
    fetch: Fetch,
) -> Result<Stored, TransferError> {
    match attempt(cdn, bucket, record, key, fetch).await {
        // The refused header is left out from now on; no object of this store was ever the reason.
        Err(TransferError::Bucket(error)) if error.is_worth_resending() => {
            attempt(cdn, bucket, record, key, fetch).await
        }
        Err(TransferError::Integrity(
            IntegrityError::Length { .. } | IntegrityError::TooLong { .. },
        )) if !fetch.settle_length => {
            let fetch = Fetch {
                settle_length: true,
                ..fetch
            };
            attempt(cdn, bucket, record, key, fetch).await
        }
        result => result,
    }
}

async fn attempt(
    cdn: &Cdn,
    bucket: &Bucket,
    record: &MediaRecord,
    key: &str,
    fetch: Fetch,
) -> Result<Stored, TransferError> {
    let source = source::open(cdn, &record.reference, fetch).await?;
    let (sha256, length) = (source.sha256, source.length);
    let object = NewObject {
        key: key.to_owned(),
        length,
        sha256,
        content_type: record.reference.content_type().to_owned(),
        content_disposition: Some(disposition::header(
            record.reference.file_name.as_deref(),
            record.reference.content_type(),
        )),
        metadata: metadata(record),
    };
    let verdict = Verdict::default();
    let body = PutBody {
        source,
        remaining: length,
        verdict: verdict.clone(),
    };
    let put = bucket.put(&object, body).await;
    match (put, verdict.take()) {
        (Ok(_), None) => Ok(Stored { sha256, length }),
        // The request failed because we cut it: our reason is the reason.
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(error.into()),
    }
}

fn metadata(record: &MediaRecord) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("titan-media-id".to_owned(), record.id.0.clone()),
        ("titan-message-id".to_owned(), record.message.id.clone()),
    ])
}

/// Why we ended a request ourselves, for the caller that only sees a broken connection.
#[derive(Debug, Clone, Default)]
struct Verdict(Arc<Mutex<Option<TransferError>>>);

impl Verdict {
    fn set(&self, error: TransferError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<TransferError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The request body: exactly `Content-Length` bytes, or an error. hyper cuts a surplus silently,
/// so the count is kept here.
struct PutBody {
    source: Source,
    remaining: u64,
    verdict: Verdict,
}

impl PutBody {
    fn refuse(&self, error: TransferError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let text = error.to_string();
        self.verdict.set(error);
        Poll::Ready(Some(Err(text.into())))
    }
}

impl http_body::Body for PutBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.source.poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) if chunk.len() as u64 <= self.remaining => {
                self.remaining -= chunk.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Poll::Ready(Some(Err(error))) => self.refuse(error),
            Poll::Ready(None) if self.remaining == 0 => Poll::Ready(None),
            Poll::Ready(_) => self.refuse(TransferError::Cancelled),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
