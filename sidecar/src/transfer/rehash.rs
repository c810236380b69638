//! A whole object from the bucket, hashed on the way: who can write there can change it.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::{TransferError, source::VERIFY_IN_MEMORY};
use crate::{bucket::BucketError, media::IntegrityError, store::MediaRecord};

/// A whole object under the release rule: a small one is verified before anything is promised.
pub(super) async fn whole(
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
