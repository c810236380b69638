//! A file for a caller: from the bucket where it lies there, else from the CDN.

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{
    ByteRange, TransferError, lost, range, rehash, reupload,
    source::{self, Fetch},
};
use crate::{
    bucket::{BucketError, Object},
    cdn::{Cdn, CdnError},
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

/// Opens a file for a caller, or `range` of it where that can be trusted: an object in the bucket,
/// and on the CDN a file with a streaming sidecar. Elsewhere the whole file is opened. What the
/// bucket can't give comes from the CDN while that has it; an object that is gone is then saved again.
///
/// # Errors
///
/// Everything known before the first byte, with [`TransferError::Requested`] where the phone was asked for
/// a file that has left the CDN and has not answered in time, [`TransferError::ObjectGone`] where a persisted
/// object is in the bucket no more and the CDN has dropped the file too, and
/// [`TransferError::OutOfRange`] where the file has nothing of the range.
pub async fn download(
    session: &Session,
    record: &MediaRecord,
    range: Option<ByteRange>,
) -> Result<Download, TransferError> {
    match open(session, record, range).await {
        Err(error) => {
            let found = reupload::wait(session, record, error).await?;
            open(session, &found, range).await
        }
        opened => opened,
    }
}

async fn open(
    session: &Session,
    record: &MediaRecord,
    range: Option<ByteRange>,
) -> Result<Download, TransferError> {
    if record.status != MediaStatus::Stored {
        return from_cdn(session, record, range).await;
    }
    let error = match from_bucket(session, record, range).await {
        Ok(found) => return Ok(found),
        Err(error @ TransferError::OutOfRange { .. }) => return Err(error),
        Err(error) => error,
    };
    tracing::info!(session = %session.key(), media = %record.id, %error, "not from the bucket, asking the CDN");
    let missing = matches!(&error, TransferError::Bucket(error) if error.is_missing_object());
    let from_cdn = from_cdn(session, record, range).await;
    if let (Ok(_), TransferError::Bucket(error)) = (&from_cdn, &error) {
        lost::after_download(session, record, error).await;
    }
    from_cdn.map_err(|cdn| match cdn {
        TransferError::Gone if missing => TransferError::ObjectGone,
        cdn if missing => cdn,
        _ => error,
    })
}

async fn from_cdn(
    session: &Session,
    record: &MediaRecord,
    range: Option<ByteRange>,
) -> Result<Download, TransferError> {
    let opened = session
        .over_cdn(|cdn| async move { over(&cdn, session, record, range).await })
        .await;
    opened.map_err(|error| error.as_of(record.expires_at, clock::now()))
}

async fn over(
    cdn: &Cdn,
    session: &Session,
    record: &MediaRecord,
    range: Option<ByteRange>,
) -> Result<Download, TransferError> {
    match range {
        Some(range) => match part_from_cdn(cdn, session, record, range).await {
            // What can't be verified in parts may still be right as a whole.
            Ok(Some(part)) => Ok(part),
            Ok(None) => whole_from_cdn(cdn, session, record).await,
            // What can't be verified in parts, or not be had in parts, may be right as a whole: the
            // sidecar is the sender's, and a host need not have ranges.
            Err(
                error @ (TransferError::Integrity(_)
                | TransferError::Cdn(CdnError::Mismatch { .. })),
            ) => {
                tracing::info!(session = %session.key(), media = %record.id, %error, "no range of it");
                whole_from_cdn(cdn, session, record).await
            }
            Err(error) => Err(error),
        },
        None => whole_from_cdn(cdn, session, record).await,
    }
}

async fn whole_from_cdn(
    cdn: &Cdn,
    session: &Session,
    record: &MediaRecord,
) -> Result<Download, TransferError> {
    let fetch = Fetch {
        max_bytes: session.config().auto_persist.max_bytes,
        prefer_host: record.integrity_failures as usize,
        // A caller can't be restarted as a bucket can.
        settle_length: true,
    };
    let source = source::open(cdn, &record.reference, fetch).await?;
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

/// A part of the file, its first chunk verified. `None`: no part of it can be verified.
async fn part_from_cdn(
    cdn: &Cdn,
    session: &Session,
    record: &MediaRecord,
    range: ByteRange,
) -> Result<Option<Download>, TransferError> {
    let known = session.known_lengths();
    let prefer = record.integrity_failures as usize;
    let Some(file) = range::look(cdn, &record.reference, known, prefer).await? else {
        return Ok(None);
    };
    let (length, limit) = (file.length(), session.config().auto_persist.max_bytes);
    if length > limit {
        return Err(TransferError::TooLarge { limit });
    }
    let (first, last) = range
        .within(length)
        .ok_or(TransferError::OutOfRange { length })?;
    let (chunk, part) = file.open(first, last).await?;
    let rest = stream::unfold(part, |mut part| async {
        part.next().await.map(|chunk| (chunk, part))
    });
    Ok(Some(Download {
        length: last - first + 1,
        sha256: record.reference.sha256,
        content_range: Some(content_range(first, last, length)),
        body: stream::iter([Ok(chunk)]).chain(rest).boxed(),
    }))
}

fn content_range(first: u64, last: u64, length: u64) -> String {
    format!("bytes {first}-{last}/{length}")
}

/// Another total is another object than the one that was stored.
fn check_part(found: &str, first: u64, last: u64, total: u64) -> Result<(), TransferError> {
    let of = found.rsplit_once('/').and_then(|(_, of)| of.parse().ok());
    match of {
        Some(of) if of != total => Err(IntegrityError::Length {
            expected: total,
            found: of,
        }
        .into()),
        _ if found == content_range(first, last, total) => Ok(()),
        _ => Err(BucketError::Answer("another range than the one asked for").into()),
    }
}

async fn from_bucket(
    session: &Session,
    record: &MediaRecord,
    range: Option<ByteRange>,
) -> Result<Download, TransferError> {
    let key = record.key.as_deref().unwrap_or_default();
    let bucket = session.bucket_of(record)?;
    bucket.ready(clock::now()).await?;
    let asked = match range.zip(record.stored_length) {
        Some((range, length)) => {
            let (first, last) = range
                .within(length)
                .ok_or(TransferError::OutOfRange { length })?;
            Some((first, last, length))
        }
        None => None,
    };
    let header = asked.map(|(first, last, _)| format!("bytes={first}-{last}"));
    let Object {
        length,
        content_range: found,
        body,
        ..
    } = bucket.get(key, header.as_deref()).await?;
    let sha256 = record.stored_sha256;
    if let (Some((first, last, total)), Some(found)) = (asked, &found) {
        check_part(found, first, last, total)?;
    }
    let body = match (&found, sha256) {
        (None, Some(expected)) => rehash::whole(body, expected, length, record).await?,
        _ => body.map(|chunk| chunk.map_err(TransferError::from)).boxed(),
    };
    Ok(Download {
        length,
        sha256,
        content_range: found,
        body,
    })
}
