//! The session's bucket as it is now: usable or not, whether it is known to be down, and what the last
//! check or transfer told of it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use titan_crds::{Reason, report::BucketVerdict};
use tokio::sync::Notify;

use super::Session;
use crate::{
    bucket::{Bucket, verdict},
    clock,
    config::{Missing, SessionConfig, Storage},
    net::AddressPolicy,
    store::{MediaRecord, StoreError},
    transfer::TransferError,
};

/// Between two tries to get keys for an identity.
const RETRY: Duration = Duration::from_secs(10);

/// Least time between two renewals, whatever the token service gives.
const LEAST: Duration = Duration::from_secs(1);

/// The bucket client built from the configuration in force.
#[derive(Debug)]
pub(super) struct Current {
    bucket: Result<Arc<Bucket>, Missing>,
    down: AtomicBool,
    /// A transfer has written to it: stronger evidence than that a check may not write its object.
    proven: AtomicBool,
    /// The keys were renewed: what is known of the bucket is to be seen again.
    renewed: Notify,
    verdict: Mutex<BucketVerdict>,
}

impl Current {
    /// The bucket that `config` names; nothing is known of it yet.
    pub(super) fn of(config: &SessionConfig, policy: &Arc<AddressPolicy>) -> Self {
        let bucket = match &config.storage {
            Storage::NotConfigured => Err(Missing {
                reason: Reason::StorageNotConfigured,
                message: "the session names no storageRef".to_owned(),
                secret: None,
            }),
            Storage::Unusable(missing) => Err(missing.clone()),
            Storage::Ready(bucket) => Bucket::new(bucket.as_ref().clone(), policy.clone())
                .map(Arc::new)
                .map_err(|error| Missing {
                    reason: error.reason(),
                    message: error.to_string(),
                    secret: None,
                }),
        };
        let verdict = match &bucket {
            Ok(bucket) => verdict::unknown(bucket.config()),
            Err(missing) => verdict::unusable(missing.reason, &missing.message),
        };
        Self {
            down: AtomicBool::new(bucket.is_err()),
            proven: AtomicBool::new(false),
            renewed: Notify::new(),
            verdict: Mutex::new(verdict),
            bucket,
        }
    }

    /// The client, where there can be one.
    pub(super) fn bucket(&self) -> Option<&Arc<Bucket>> {
        self.bucket.as_ref().ok()
    }

    /// Returns after the keys were renewed.
    pub(super) async fn renewed(&self) {
        self.renewed.notified().await;
    }

    /// Takes other keys for the same bucket; false where more than the keys has changed. What is
    /// known of the bucket stays so until it has been checked with them.
    fn renew(&self, storage: &Storage) -> bool {
        let (Storage::Ready(config), Some(bucket)) = (storage, self.bucket()) else {
            return false;
        };
        let Some(keys) = bucket.config().renewed_keys(config) else {
            return false;
        };
        bucket.renew(keys.clone());
        self.proven.store(false, Ordering::Relaxed);
        self.renewed.notify_one();
        true
    }

    /// Renews the keys of an identity in time, for ever. What waited for keys is told.
    pub(super) async fn keep_keys(&self) {
        let Some(bucket) = self.bucket() else {
            return std::future::pending().await;
        };
        let mut failed = false;
        loop {
            let now = clock::now();
            let pause = match bucket.refresh(now).await {
                Ok(None) => return std::future::pending().await,
                Ok(Some(due)) => {
                    if std::mem::take(&mut failed) {
                        self.renewed.notify_one();
                    }
                    Duration::try_from(due.duration_since(now)).unwrap_or_default()
                }
                Err(error) => {
                    tracing::warn!(bucket = bucket.config().bucket, %error, "can't renew the bucket's keys");
                    failed = true;
                    RETRY
                }
            };
            tokio::time::sleep(pause.max(LEAST)).await;
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// A transfer may write its objects though the check may not write its own: then the policy
    /// speaks of keys, and the bucket works.
    pub(super) fn outweighs(&self, verdict: &BucketVerdict) -> bool {
        let denied = verdict.put == Some(false) && verdict.reason == Reason::AccessDenied.as_str();
        denied && !self.is_down() && self.proven.load(Ordering::Relaxed)
    }

    /// Returns whether it was down before.
    fn set_down(&self, down: bool) -> bool {
        self.down.swap(down, Ordering::Relaxed)
    }

    fn verdict(&self) -> MutexGuard<'_, BucketVerdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// The bucket to write to.
    ///
    /// # Errors
    ///
    /// [`TransferError::Storage`] with what is missing.
    pub fn bucket(&self) -> Result<Arc<Bucket>, TransferError> {
        let current = self.current_bucket();
        current
            .bucket
            .clone()
            .map_err(|missing| TransferError::Storage {
                reason: missing.reason,
                message: missing.message,
            })
    }

    /// The bucket that holds a record's object.
    ///
    /// # Errors
    ///
    /// [`TransferError::ObjectGone`] where another bucket is configured now, or none;
    /// [`TransferError::Storage`] where it can't be used at the moment.
    pub fn bucket_of(&self, record: &MediaRecord) -> Result<Arc<Bucket>, TransferError> {
        if matches!(self.config().storage, Storage::NotConfigured) {
            return Err(TransferError::ObjectGone);
        }
        let bucket = self.bucket()?;
        if record.bucket.as_deref() == Some(bucket.config().bucket.as_str()) {
            Ok(bucket)
        } else {
            Err(TransferError::ObjectGone)
        }
    }

    /// Is the bucket known to be out of reach? Then no event waits for it.
    #[must_use]
    pub fn bucket_is_down(&self) -> bool {
        self.current_bucket().is_down()
    }

    /// What is known of the bucket, for `/status` and `/readyz`.
    #[must_use]
    pub fn bucket_verdict(&self) -> BucketVerdict {
        self.current_bucket().verdict().clone()
    }

    pub(super) fn current_bucket(&self) -> Arc<Current> {
        let current = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Takes the storage of a changed configuration: other keys into the bucket in use, else another
    /// bucket in its place.
    pub(super) fn change_bucket(&self, config: &SessionConfig) {
        let before = self.current_bucket();
        if !before.renew(&config.storage) {
            let current = Current::of(config, &self.shared().policy);
            // What the one before it learned of the same bucket stays known.
            if let (Some(bucket), Some(earlier)) = (current.bucket(), before.bucket()) {
                bucket.learn_from(earlier);
            }
            *self.bucket.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        }
    }

    /// A transfer reached the bucket: whatever waits for it may go.
    pub(crate) async fn bucket_works(&self) -> Result<(), StoreError> {
        let current = self.current_bucket();
        current.proven.store(true, Ordering::Relaxed);
        {
            let mut verdict = current.verdict();
            verdict.checked_at = Some(clock::now());
            verdict.put = Some(true);
            // Whoever may write and not read is still to be told.
            if verdict.get != Some(false) && !verdict.is_ready() {
                verdict.reason = Reason::Ready.to_string();
                (verdict.message, verdict.code) = (None, None);
                (verdict.reachable, verdict.credentials) = (Some(true), Some(true));
            }
        }
        self.bucket_is_up(&current).await
    }

    /// A transfer failed because of the bucket: held events go out without their URL.
    pub(crate) async fn bucket_failed(&self, error: &TransferError) -> Result<(), StoreError> {
        let current = self.current_bucket();
        if !current.is_down() {
            self.bucket_trouble.notify_one();
        }
        if let (TransferError::Bucket(error), Some(bucket)) = (error, current.bucket()) {
            *current.verdict() = bucket.verdict_of(error, clock::now());
        }
        self.bucket_is_failing(&current, error).await
    }

    /// A check of `current` came to a verdict.
    pub(super) async fn bucket_checked(
        &self,
        current: &Current,
        verdict: BucketVerdict,
    ) -> Result<(), StoreError> {
        let takes_files = verdict.put == Some(true);
        let told = verdict.message.clone().unwrap_or_default();
        *current.verdict() = verdict;
        if takes_files {
            self.bucket_is_up(current).await
        } else {
            self.bucket_is_failing(current, &told).await
        }
    }

    async fn bucket_is_up(&self, current: &Current) -> Result<(), StoreError> {
        if current.set_down(false) {
            tracing::info!(session = %self.key(), "bucket works again");
            self.store().wake(clock::now()).await?;
        }
        Ok(())
    }

    async fn bucket_is_failing(
        &self,
        current: &Current,
        error: &impl std::fmt::Display,
    ) -> Result<(), StoreError> {
        if !current.set_down(true) {
            tracing::warn!(session = %self.key(), %error, "bucket is down");
        }
        self.store().release_overdue(clock::now(), true).await?;
        Ok(())
    }
}
