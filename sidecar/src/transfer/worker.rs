//! The queue's worker: claims files one by one, saves them side by side, settles each outcome.

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, futures::Notified};
use tokio_util::task::TaskTracker;

use super::{TransferError, backoff, persist, source::Fetch};
use crate::{
    bucket::{
        Bucket,
        key::{KeyParts, extension, object_key},
    },
    clock,
    session::Session,
    store::{MediaError, MediaRecord, StoreError, Stored},
};

/// Whole fetches of a file whose bytes were wrong, over two hosts, before that is final.
const INTEGRITY_TRIES: u32 = 3;

/// A message younger than this gets one GET even if its path looks expired: clocks differ.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// Saves what the session's queue holds.
#[derive(Debug)]
pub struct Worker {
    session: Arc<Session>,
    running: TaskTracker,
}

impl Worker {
    /// A worker of one session.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            running: TaskTracker::new(),
        }
    }

    /// Runs until the session stops, then lets what runs finish.
    pub async fn run(self) {
        let mut limit = self.session.config().transfers.max_concurrent;
        let mut slots = Arc::new(Semaphore::new(limit));
        while let Some(permits) = self.turn(&slots).await {
            let configured = self.session.config().transfers.max_concurrent;
            if configured != limit {
                limit = configured;
                slots = Arc::new(Semaphore::new(limit));
            }
            // Listens before it looks, so that nothing queued in between is overslept.
            let mut changed = pin!(self.session.store().transfers_changed().notified());
            changed.as_mut().enable();
            match self.session.store().claim_transfer(clock::now()).await {
                Ok(Some(record)) => {
                    let session = self.session.clone();
                    self.running.spawn(async move {
                        settle(&session, record).await;
                        drop(permits);
                    });
                }
                Ok(None) => {
                    drop(permits);
                    self.wait_for_work(changed).await;
                }
                Err(error) => {
                    tracing::error!(session = %self.session.key(), %error, "can't read the queue");
                    drop(permits);
                    self.wait_for_work(changed).await;
                }
            }
        }
        self.running.close();
        self.running.wait().await;
    }

    /// Waits for a slot of the session and one of the process; `None` when the session stops.
    async fn turn(&self, slots: &Arc<Semaphore>) -> Option<[OwnedSemaphorePermit; 2]> {
        let both = async {
            let own = slots.clone().acquire_owned().await.ok()?;
            let shared = self.session.shared().slots.clone();
            Some([own, shared.acquire_owned().await.ok()?])
        };
        tokio::select! {
            biased;
            () = self.session.stopping().cancelled() => None,
            permits = both => permits,
        }
    }

    async fn wait_for_work(&self, changed: Pin<&mut Notified<'_>>) {
        let pause = match self.session.store().next_transfer_due().await {
            Ok(Some(due)) => due
                .duration_since(clock::now())
                .try_into()
                .unwrap_or_default(),
            Ok(None) => backoff::MAX,
            Err(_) => std::time::Duration::from_secs(1),
        };
        tokio::select! {
            () = self.session.stopping().cancelled() => {}
            () = changed => {}
            () = tokio::time::sleep(pause.min(backoff::MAX)) => {}
        }
    }
}

/// Runs one transfer and writes its outcome. The store is asked until it answers: an outcome that
/// is known must not be lost to a full disk.
async fn settle(session: &Session, record: MediaRecord) {
    let outcome = run(session, &record).await;
    if matches!(outcome, Err(TransferError::Cancelled)) && session.stopping().is_cancelled() {
        // Left running: the next start queues it again.
        return;
    }
    let mut pause = backoff::pause(1, None, 1.0);
    while let Err(error) = write_outcome(session, &record, &outcome).await {
        tracing::error!(session = %session.key(), media = %record.id, %error, "can't write a transfer's outcome");
        tokio::select! {
            () = session.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(backoff::MAX),
        }
    }
}

async fn run(session: &Session, record: &MediaRecord) -> Result<Stored, TransferError> {
    let now = clock::now();
    if has_expired(record, now) {
        return Err(TransferError::Gone);
    }
    let config = session.config();
    let bucket = session.bucket()?;
    let key = fixed_key(session, &bucket, record).await?;
    let fetch = Fetch {
        max_bytes: config.auto_persist.max_bytes,
        prefer_host: record.integrity_failures as usize,
        settle_length: false,
    };
    let saved = persist(session.cdn(), &bucket, record, &key, fetch);
    let timeout = config.transfers.timeout;
    tokio::select! {
        saved = tokio::time::timeout(timeout, saved) => {
            saved.unwrap_or(Err(TransferError::Timeout(timeout)))
        }
        () = session.shared().abort.cancelled() => Err(TransferError::Cancelled),
    }
}

/// The object's key: computed once, and the one in the record ever after.
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
            timestamp: key_time(record),
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

/// Past its date, and no young message that has not been tried yet.
fn has_expired(record: &MediaRecord, now: Timestamp) -> bool {
    let young = now.duration_since(record.received_at) < YOUNG;
    now > record.expires_at && !(young && record.attempts <= 1)
}

/// When the message was sent; its receipt only where the gateway names no time.
fn key_time(record: &MediaRecord) -> Timestamp {
    record
        .message_timestamp
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(record.received_at)
}

async fn write_outcome(
    session: &Session,
    record: &MediaRecord,
    outcome: &Result<Stored, TransferError>,
) -> Result<(), StoreError> {
    let (store, now) = (session.store(), clock::now());
    let error = match outcome {
        Ok(stored) => {
            tracing::info!(session = %session.key(), media = %record.id, bytes = stored.length, "stored");
            store.transfer_stored(&record.id, *stored, now).await?;
            session.media_changed();
            return session.bucket_works().await;
        }
        Err(error) => error,
    };
    let about_bucket = error.is_about_bucket();
    if is_final(record, error, now) {
        tracing::warn!(session = %session.key(), media = %record.id, %error, "given up");
        store
            .transfer_failed(&record.id, media_error(error, false), now)
            .await?;
    } else {
        let pause = backoff::pause(record.attempts, error.retry_after(), rand::random());
        let due = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        tracing::info!(session = %session.key(), media = %record.id, %error, pause_ms = pause.as_millis(), "will be tried again");
        let integrity = matches!(error, TransferError::Integrity(_));
        store
            .transfer_waiting(&record.id, due, media_error(error, true), integrity, now)
            .await?;
    }
    session.media_changed();
    if about_bucket {
        session.bucket_failed(error).await?;
    }
    Ok(())
}

/// Everything is tried again until the file leaves the CDN, but what speaks of the file itself.
fn is_final(record: &MediaRecord, error: &TransferError, now: Timestamp) -> bool {
    match error {
        TransferError::Integrity(_) => record.integrity_failures + 1 >= INTEGRITY_TRIES,
        error => error.is_final() || has_expired(record, now),
    }
}

fn media_error(error: &TransferError, retryable: bool) -> MediaError {
    MediaError {
        code: error.code().to_owned(),
        message: error.to_string(),
        retryable,
    }
}
