//! A file for a caller: from the bucket where it lies there, else from the CDN.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sha2::{Digest, Sha256};

use super::{
    TransferError,
    source::{self, Fetch},
};
use crate::{
    bucket::{BucketError, Object},
    media::IntegrityError,
    session::Session,
    store::{MediaRecord, MediaStatus},
};

/// A file on its way to a caller.
#[allow(missing_debug_implementations, reason = "the bytes are a boxed stream")]
pub struct Download {
    /// `Content-Length` in bytes.
    pub length: u64,
    /// SHA-256 of the whole file.
    pub sha256: Option<[u8; 32]>,
    /// Set when only a part is sent: the `Content-Range` value of a 206.
    pub content_range: Option<String>,
    /// The bytes. An error means: cut the connection, the file is not complete.
    pub body: stream::BoxStream<'static, Result<Bytes, TransferError>>,
}

/// Opens a file for a caller. `range` is a `Range` header's value and honoured for objects in the
/// bucket only.
///
/// # Errors
///
/// Everything known before the first byte, with [`TransferError::ObjectGone`] where a persisted
/// object is in the bucket no more and the CDN has dropped the file too.
pub async fn download(
    session: &Session,
    record: &MediaRecord,
    range: Option<&str>,
) -> Result<Download, TransferError> {
    if record.status != MediaStatus::Stored {
        return from_cdn(session, record).await;
    }
    match from_bucket(session, record, range).await {
        Err(TransferError::Bucket(error)) if error.is_missing_object() => from_cdn(session, record)
            .await
            .map_err(|error| match error {
                TransferError::Gone => TransferError::ObjectGone,
                error => error,
            }),
        // The bucket is another one now, or out of reach: the CDN may still have the file.
        Err(error) => from_cdn(session, record).await.map_err(|_| error),
        found => found,
    }
}

async fn from_cdn(session: &Session, record: &MediaRecord) -> Result<Download, TransferError> {
    let fetch = Fetch {
        max_bytes: session.config().auto_persist.max_bytes,
        prefer_host: record.integrity_failures as usize,
        // A caller can't be restarted as a bucket can.
        settle_length: true,
    };
    let source = source::open(session.cdn(), &record.reference, fetch).await?;
    Ok(Download {
        length: source.length,
        sha256: Some(source.sha256),
        content_range: None,
        body: stream::unfold(source, |mut source| async {
            source.next().await.map(|chunk| (chunk, source))
        })
        .boxed(),
    })
}

async fn from_bucket(
    session: &Session,
    record: &MediaRecord,
    range: Option<&str>,
) -> Result<Download, TransferError> {
    let key = record.key.as_deref().unwrap_or_default();
    let bucket = session.bucket_of(record).ok_or(TransferError::ObjectGone)?;
    let object = bucket.get(key, range).await?;
    let Object {
        length,
        content_range,
        body,
        ..
    } = object;
    let sha256 = record.stored_sha256;
    let body = match (&content_range, sha256) {
        (None, Some(expected)) => rehash(body, expected, length).boxed(),
        _ => body.map(|chunk| chunk.map_err(TransferError::from)).boxed(),
    };
    Ok(Download {
        length,
        sha256,
        content_range,
        body,
    })
}

/// Hashes a whole object on the way: the chunk that completes it follows only when the hash is the
/// one we stored.
fn rehash(
    body: impl Stream<Item = Result<Bytes, BucketError>> + Send + Unpin + 'static,
    expected: [u8; 32],
    length: u64,
) -> impl Stream<Item = Result<Bytes, TransferError>> + Send {
    let state = Rehash {
        body,
        hash: Sha256::new(),
        remaining: length,
        expected,
    };
    stream::try_unfold(state, move |mut state| async move {
        let Some(chunk) = state.body.next().await.transpose()? else {
            return if state.remaining == 0 {
                Ok(None)
            } else {
                Err(IntegrityError::Length {
                    expected: length,
                    found: length - state.remaining,
                }
                .into())
            };
        };
        state.hash.update(&chunk);
        state.remaining = state
            .remaining
            .checked_sub(chunk.len() as u64)
            .ok_or(IntegrityError::Sha256)?;
        if state.remaining == 0 && state.hash.clone().finalize()[..] != state.expected {
            return Err(IntegrityError::Sha256.into());
        }
        Ok(Some((chunk, state)))
    })
}

struct Rehash<S> {
    body: S,
    hash: Sha256,
    remaining: u64,
    expected: [u8; 32],
}
