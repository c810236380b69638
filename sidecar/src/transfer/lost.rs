//! Objects that are in the bucket no more: told from a right that is missing, and saved again while
//! WhatsApp's CDN has the file.

use std::time::Duration;

use titan_crds::Reason;
use tokio::time::timeout;

use super::{TransferError, reupload, save::has_expired};
use crate::{
    bucket::{Bucket, BucketError},
    clock,
    session::Session,
    store::MediaRecord,
};

/// How long a look at an object may take. Whoever asks has a file that is in the bucket as far as
/// anybody knows.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether `error` says that an object of `bucket` is gone. Without the right to list, that is answered
/// like a right that is missing: then another object tells. A bucket that does not answer soon says nothing.
async fn is_gone(bucket: &Bucket, error: &BucketError) -> bool {
    let may_read = async { timeout(PATIENCE, bucket.may_read()).await.unwrap_or(false) };
    error.is_missing_object() && (error.reason() != Reason::AccessDenied || may_read.await)
}

/// Looks whether the object of a stored file is gone. A bucket that does not answer says nothing.
pub async fn look(session: &Session, record: &MediaRecord) -> bool {
    let look = async {
        let bucket = session.bucket_of(record).ok()?;
        bucket.ready(clock::now()).await.ok()?;
        let key = record.key.as_deref()?;
        let error = bucket.get(key, Some("bytes=0-0")).await.err()?;
        Some(is_gone(&bucket, &error).await)
    };
    let seen = timeout(PATIENCE, look).await;
    seen.ok().flatten().unwrap_or(false)
}

/// What a download does that had to turn to the CDN: `error` is the bucket's answer. The caller has the
/// file, whatever comes of it.
pub(super) async fn after_download(session: &Session, record: &MediaRecord, error: &BucketError) {
    let Ok(bucket) = session.bucket_of(record) else {
        return;
    };
    if is_gone(&bucket, error).await
        && let Err(error) = save_again(session, record).await
    {
        tracing::warn!(session = %session.key(), media = %record.id, %error, "can't save it again");
    }
}

/// Queues the file of an object that is gone, where the CDN may still have it, or the phone.
///
/// # Errors
///
/// [`TransferError::ObjectGone`] where it has not; else the store's.
pub async fn save_again(session: &Session, record: &MediaRecord) -> Result<(), TransferError> {
    let now = clock::now();
    let comes_back = session.device().is_some() && reupload::may_come(record, now);
    if has_expired(record, now) && !comes_back {
        return Err(TransferError::ObjectGone);
    }
    if session.store().save_again(&record.id, now).await? {
        tracing::warn!(session = %session.key(), media = %record.id, "the object is gone from the bucket, the file is saved again");
        session.media_changed();
    }
    Ok(())
}
