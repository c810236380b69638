//! The session's bucket as it is now: usable or not, and whether it is known to be down.

use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::Session;
use crate::{
    bucket::Bucket,
    clock,
    config::{SessionConfig, Storage},
    net::AddressPolicy,
    store::{MediaRecord, StoreError},
    transfer::TransferError,
};

/// The bucket client built from the configuration in force.
#[derive(Debug)]
pub(super) struct Current {
    bucket: Result<Arc<Bucket>, Unusable>,
    down: AtomicBool,
    last_error: std::sync::Mutex<Option<String>>,
}

/// Why there is no bucket.
#[derive(Debug, Clone)]
struct Unusable {
    reason: &'static str,
    message: String,
}

/// A bucket that can be tried.
#[derive(Debug, Clone)]
pub struct Usable(pub Arc<Bucket>);

/// What `/status` says of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketHealth {
    /// `Ready`, `NotConfigured`, or the reason of the last failure.
    pub state: String,
    /// In words; never with credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Current {
    pub(super) fn of(config: &SessionConfig, policy: &Arc<AddressPolicy>) -> Self {
        let bucket = match &config.storage {
            Storage::NotConfigured => Err(Unusable {
                reason: "StorageNotConfigured",
                message: "the session names no storageRef".to_owned(),
            }),
            Storage::Unusable { reason, message } => Err(Unusable {
                reason,
                message: message.clone(),
            }),
            Storage::Ready(bucket) => Bucket::new(bucket.as_ref().clone(), policy.clone())
                .map(Arc::new)
                .map_err(|error| Unusable {
                    reason: error.reason(),
                    message: error.to_string(),
                }),
        };
        Self {
            down: AtomicBool::new(bucket.is_err()),
            last_error: std::sync::Mutex::default(),
            bucket,
        }
    }
}

impl Session {
    /// The bucket to write to.
    ///
    /// # Errors
    ///
    /// [`TransferError::Storage`] with what is missing.
    pub fn bucket(&self) -> Result<Arc<Bucket>, TransferError> {
        let current = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        current
            .bucket
            .clone()
            .map_err(|unusable| TransferError::Storage {
                reason: unusable.reason,
                message: unusable.message,
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
        let current = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        current.down.load(Ordering::Relaxed)
    }

    /// A transfer reached the bucket: whatever waits for it may go.
    pub(crate) async fn bucket_works(&self) -> Result<(), StoreError> {
        if self.set_bucket_down(false, None) {
            tracing::info!(session = %self.key(), "bucket works again");
            self.store().wake(clock::now()).await?;
        }
        Ok(())
    }

    /// A transfer failed because of the bucket: held events go out without their URL.
    pub(crate) async fn bucket_failed(&self, error: &TransferError) -> Result<(), StoreError> {
        if !self.set_bucket_down(true, Some(error.to_string())) {
            tracing::warn!(session = %self.key(), %error, "bucket is down");
        }
        self.store().release_overdue(clock::now(), true).await?;
        Ok(())
    }

    /// Returns whether it was down before.
    fn set_bucket_down(&self, down: bool, error: Option<String>) -> bool {
        let current = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        *current
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = error;
        current.down.swap(down, Ordering::Relaxed)
    }

    /// For `/status` and `/readyz`.
    #[must_use]
    pub fn bucket_health(&self) -> BucketHealth {
        let current = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        match &current.bucket {
            Err(unusable) => BucketHealth {
                state: unusable.reason.to_owned(),
                message: Some(unusable.message.clone()),
            },
            Ok(_) if current.down.load(Ordering::Relaxed) => BucketHealth {
                state: "Unreachable".to_owned(),
                message: current
                    .last_error
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone(),
            },
            Ok(_) => BucketHealth {
                state: "Ready".to_owned(),
                message: None,
            },
        }
    }
}
