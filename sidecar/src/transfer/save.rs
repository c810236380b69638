//! One try to save one file: is it still there, where does it go, then the pass itself.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{TransferError, blame, persist, source::Fetch};
use crate::{
    bucket::{
        Bucket, Credentials,
        key::{KeyParts, extension, object_key},
    },
    clock,
    session::Session,
    store::{MediaRecord, Stored},
};

/// A message younger than this gets one GET even if its path looks expired: clocks differ.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// Saves the file of `record`, within the session's time limit.
///
/// # Errors
///
/// [`TransferError::Cancelled`] when the process gives up what runs; else why there is no object.
pub(super) async fn save(session: &Session, record: &MediaRecord) -> Result<Stored, TransferError> {
    if has_expired(record, clock::now()) {
        return Err(TransferError::Gone);
    }
    let timeout = session.config().transfers.timeout;
    tokio::select! {
        saved = tokio::time::timeout(timeout, into_storage(session, record)) => {
            saved.unwrap_or(Err(TransferError::Timeout(timeout)))
        }
        () = session.aborting().cancelled() => Err(TransferError::Cancelled),
    }
}

/// What a bucket says is of no weight once another one, or other keys, have taken its place.
async fn into_storage(session: &Session, record: &MediaRecord) -> Result<Stored, TransferError> {
    let bucket = ready_bucket(session).await?;
    let keys = bucket.keys();
    match into_bucket(session, record, &bucket).await {
        Err(error @ (TransferError::Bucket(_) | TransferError::Object(_)))
            if !is_in_use(session, &bucket, keys.as_deref()) =>
        {
            tracing::info!(session = %session.key(), media = %record.id, %error, "the storage has changed meanwhile");
            into_bucket(session, record, &*ready_bucket(session).await?).await
        }
        saved => saved,
    }
}

/// The session's bucket, with keys that have not expired.
async fn ready_bucket(session: &Session) -> Result<Arc<Bucket>, TransferError> {
    let bucket = session.bucket()?;
    bucket.ready(clock::now()).await?;
    Ok(bucket)
}

fn is_in_use(session: &Session, bucket: &Arc<Bucket>, keys: Option<&Credentials>) -> bool {
    // Where there is none any more, that is what the next try says.
    let same = session.bucket().is_ok_and(|now| Arc::ptr_eq(&now, bucket));
    same && bucket.keys().as_deref() == keys
}

async fn into_bucket(
    session: &Session,
    record: &MediaRecord,
    bucket: &Bucket,
) -> Result<Stored, TransferError> {
    if session.bucket_is_down() {
        blame::still_down(bucket).await?;
        session.bucket_works().await?;
    }
    let key = &fixed_key(session, bucket, record).await?;
    let fetch = Fetch {
        max_bytes: session.config().auto_persist.max_bytes,
        prefer_host: record.integrity_failures as usize,
        settle_length: false,
    };
    let saved = session
        .over_cdn(|cdn| async move { persist(&cdn, bucket, record, key, fetch).await })
        .await;
    match saved {
        Ok(stored) => Ok(stored),
        Err(error) => {
            let error = error.as_of(record.expires_at, clock::now());
            Err(blame::settle(bucket, error).await)
        }
    }
}

/// The object's key: computed once per bucket, and the one in the record ever after.
async fn fixed_key(
    session: &Session,
    bucket: &Bucket,
    record: &MediaRecord,
) -> Result<String, TransferError> {
    let key = object_key(
        bucket.key_template(),
        &KeyParts {
            prefix: bucket.prefix(),
            tenant: &session.key().tenant,
            session: &session.key().session,
            media_id: &record.id.0,
            message_id: &record.message.id,
            sha256: record.reference.sha256,
            kind: record.reference.kind,
            timestamp: sent_at(record),
            ext: extension(record.reference.mime_type.as_deref()),
        },
    );
    let fixed = session
        .store()
        .fix_target(&record.id, &bucket.config().bucket, &key)
        .await?;
    let (_, key) = fixed.ok_or(TransferError::Cancelled)?;
    Ok(key)
}

/// Past its date, and no young message that the CDN has not been asked for yet.
pub(super) fn has_expired(record: &MediaRecord, now: Timestamp) -> bool {
    let young = now.duration_since(sent_at(record)) < YOUNG;
    // Without a usable bucket no try ever reached the CDN.
    let asked = record
        .error
        .as_ref()
        .is_some_and(|error| !error.code.starts_with("storage_"));
    now > record.expires_at && (asked || !young)
}

/// When the message was sent; its receipt only where the gateway names no time.
fn sent_at(record: &MediaRecord) -> Timestamp {
    record
        .message_timestamp
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(record.received_at)
}
