//! A file for a caller: from the bucket where it lies there, else from the CDN.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::{
    TransferError,
    source::{self, Fetch, VERIFY_IN_MEMORY},
};
use crate::{
    bucket::{BucketError, Object},
    clock,
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

/// Opens a file for a caller. `range`, first and last byte, is honoured for objects in the bucket
/// only. What the bucket can't give comes from the CDN while that has it.
///
/// # Errors
///
/// Everything known before the first byte, with [`TransferError::ObjectGone`] where a persisted
/// object is in the bucket no more and the CDN has dropped the file too.
pub async fn download(
    session: &Session,
    record: &MediaRecord,
    range: Option<(u64, u64)>,
) -> Result<Download, TransferError> {
    if record.status != MediaStatus::Stored {
        return from_cdn(session, record).await;
    }
    let error = match from_bucket(session, record, range).await {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    tracing::info!(session = %session.key(), media = %record.id, %error, "not from the bucket, asking the CDN");
    let missing = matches!(&error, TransferError::Bucket(error) if error.is_missing_object());
    from_cdn(session, record).await.map_err(|cdn| match cdn {
        TransferError::Gone if missing => TransferError::ObjectGone,
        cdn if missing => cdn,
        _ => error,
    })
}

async fn from_cdn(session: &Session, record: &MediaRecord) -> Result<Download, TransferError> {
    let fetch = Fetch {
        max_bytes: session.config().auto_persist.max_bytes,
        prefer_host: record.integrity_failures as usize,
        // A caller can't be restarted as a bucket can.
        settle_length: true,
    };
    let source = source::open(session.cdn(), &record.reference, fetch)
        .await
        .map_err(|error| error.as_of(record.expires_at, clock::now()))?;
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
    range: Option<(u64, u64)>,
) -> Result<Download, TransferError> {
    let key = record.key.as_deref().unwrap_or_default();
    let bucket = session.bucket_of(record)?;
    let range = range.map(|(first, last)| format!("bytes={first}-{last}"));
    let Object {
        length,
        content_range,
        body,
        ..
    } = bucket.get(key, range.as_deref()).await?;
    let sha256 = record.stored_sha256;
    let body = match (&content_range, sha256) {
        (None, Some(expected)) => whole(body, expected, length, record).await?,
        _ => body.map(|chunk| chunk.map_err(TransferError::from)).boxed(),
    };
    Ok(Download {
        length,
        sha256,
        content_range,
        body,
    })
}

/// A whole object under the release rule: a small one is verified before anything is promised.
async fn whole(
    body: impl Stream<Item = Result<Bytes, BucketError>> + Send + Unpin + 'static,
    sha256: [u8; 32],
    length: u64,
    record: &MediaRecord,
) -> Result<stream::BoxStream<'static, Result<Bytes, TransferError>>, TransferError> {
    if let Some(expected) = record.stored_length.filter(|stored| *stored != length) {
        let found = length;
        return Err(IntegrityError::Length { expected, found }.into());
    }
    let verified = rehash(body, sha256, length).boxed();
    if length > VERIFY_IN_MEMORY {
        return Ok(verified);
    }
    let chunks: Vec<Bytes> = verified.try_collect().await?;
    Ok(stream::iter(chunks.into_iter().map(Ok)).boxed())
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn collected(
        chunks: &'static [&'static [u8]],
        sha256: [u8; 32],
    ) -> (Vec<u8>, Option<TransferError>) {
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let body = stream::iter(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))));
        let mut released = Vec::new();
        let mut body = rehash(body, sha256, length).boxed();
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => released.extend_from_slice(&chunk),
                Err(error) => return (released, Some(error)),
            }
        }
        (released, None)
    }

    #[tokio::test]
    async fn the_chunk_that_completes_an_object_follows_only_a_right_hash() {
        let right = Sha256::digest(b"onetwo").into();
        let (released, error) = collected(&[b"one", b"two"], right).await;
        assert_eq!((&released[..], error.is_none()), (&b"onetwo"[..], true));
        let (released, error) = collected(&[b"one", b"two"], [0; 32]).await;
        assert_eq!(released, b"one");
        assert_eq!(error.unwrap().code(), "integrity_failed");
    }
}
