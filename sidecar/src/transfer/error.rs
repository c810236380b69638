//! Why a file did not arrive, and whether trying again can help.

use std::time::Duration;

use jiff::Timestamp;
use titan_crds::Reason;

use crate::{
    bucket::BucketError,
    cdn::{CdnError, Class},
    media::IntegrityError,
    store::StoreError,
};

/// How long a CDN that throttles (507) is left alone.
const THROTTLED: Duration = Duration::from_mins(5);

/// When it is worth a look whether a phone has answered.
const REQUESTED: Duration = Duration::from_secs(30);

/// What ended one attempt to move a file.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The sender's description is unusable; nothing is fetched.
    #[error("{0}")]
    Invalid(String),
    /// The file is, or declares to be, larger than `maxBytes`.
    #[error("the file is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file has left WhatsApp's CDN.
    #[error("the file is no longer on WhatsApp's CDN")]
    Gone,
    /// The file has left WhatsApp's CDN, and the phone that was asked for it has not answered.
    #[error("the file is no longer on WhatsApp's CDN; the phone is asked to upload it again")]
    Requested,
    /// A persisted object is in the bucket no more, and the CDN has dropped the file too.
    #[error("the object is in the bucket no more")]
    ObjectGone,
    /// The message brought no thumbnail.
    #[error("the message has no thumbnail")]
    NoThumbnail,
    /// The file has none of the bytes asked for.
    #[error("the file has {length} bytes")]
    OutOfRange {
        /// Bytes of the file.
        length: u64,
    },
    /// The CDN did not deliver.
    #[error("cdn: {0}")]
    Cdn(#[source] CdnError),
    /// The bytes are not what the message describes.
    #[error("integrity: {0}")]
    Integrity(#[source] IntegrityError),
    /// The bucket did not take or give the object.
    #[error("bucket: {0}")]
    Bucket(#[source] BucketError),
    /// The bucket did not take this object, though it takes others.
    #[error("object: {0}")]
    Object(#[source] BucketError),
    /// No bucket is configured or usable now; `reason` is a condition reason.
    #[error("storage is not usable: {reason}: {message}")]
    Storage {
        /// Condition reason, e.g. `StorageNotFound`.
        reason: Reason,
        /// What to mend, in words.
        message: String,
    },
    /// The records can't be read or written.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The transfer took longer than `transfers.timeout`.
    #[error("the transfer took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// The transfer panicked.
    #[error("a fault of the sidecar ended the transfer")]
    Internal,
    /// Whoever received the bytes went away.
    #[error("the receiver went away")]
    Cancelled,
}

impl TransferError {
    /// The stable code of the API and of `media.failed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "media_invalid",
            Self::TooLarge { .. } => "too_large",
            Self::Gone => "media_expired",
            Self::Requested => "media_requested",
            Self::ObjectGone => "object_gone",
            Self::NoThumbnail => "thumbnail_not_found",
            Self::OutOfRange { .. } => "range_not_satisfiable",
            Self::Cdn(_) | Self::Cancelled => "cdn_unreachable",
            Self::Integrity(_) => "integrity_failed",
            Self::Storage {
                reason: Reason::StorageNotConfigured,
                ..
            } => "storage_not_configured",
            Self::Bucket(_) | Self::Object(_) | Self::Storage { .. } => "storage_unavailable",
            Self::Store(_) => "store_unavailable",
            Self::Timeout(_) => "timeout",
            Self::Internal => "internal",
        }
    }

    /// What the error tells about the file itself: trying again changes nothing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Invalid(_)
                | Self::TooLarge { .. }
                | Self::Gone
                | Self::ObjectGone
                | Self::NoThumbnail
                | Self::OutOfRange { .. }
        )
    }

    /// Whether the CDN's hosts are refused to us: others may be named.
    #[must_use]
    pub fn is_unauthorised(&self) -> bool {
        matches!(self, Self::Cdn(error) if error.is_unauthorised())
    }

    /// Would every other file fail the same way, because of the bucket?
    #[must_use]
    pub fn is_about_bucket(&self) -> bool {
        matches!(self, Self::Bucket(_) | Self::Storage { .. })
    }

    /// A 403 of the CDN is no answer for ever while the path's signature is valid; afterwards it is.
    #[must_use]
    pub fn as_of(self, expires_at: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Cdn(error) if error.class() == Class::Forbidden && now > expires_at => Self::Gone,
            error => error,
        }
    }

    /// What the other side asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Cdn(error) => match error.class() {
                Class::Retry { after } => after,
                Class::Throttled => Some(THROTTLED),
                _ => None,
            },
            Self::Requested => Some(REQUESTED),
            _ => None,
        }
    }
}

impl From<CdnError> for TransferError {
    fn from(error: CdnError) -> Self {
        match (&error, error.class()) {
            (CdnError::TooLarge { limit }, _) => Self::TooLarge { limit: *limit },
            (CdnError::Invalid(why), _) => Self::Invalid((*why).to_owned()),
            (_, Class::Gone) => Self::Gone,
            _ => Self::Cdn(error),
        }
    }
}

impl From<IntegrityError> for TransferError {
    fn from(error: IntegrityError) -> Self {
        Self::Integrity(error)
    }
}

impl From<BucketError> for TransferError {
    fn from(error: BucketError) -> Self {
        Self::Bucket(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden() -> TransferError {
        let class = Class::Forbidden;
        let host = "mmg.whatsapp.net".to_owned();
        TransferError::from(CdnError::Status {
            host,
            status: 403,
            class,
        })
    }

    #[test]
    fn forbidden_is_gone_once_the_signature_is_past() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(forbidden().as_of(at(9), at(10)).code(), "media_expired");
        assert_eq!(forbidden().as_of(at(11), at(10)).code(), "cdn_unreachable");
    }

    #[test]
    fn one_object_that_is_refused_says_nothing_about_its_bucket() {
        let refused = || BucketError::DigestMismatch { status: 400 };
        assert!(TransferError::Bucket(refused()).is_about_bucket());
        assert!(!TransferError::Object(refused()).is_about_bucket());
    }
}
