//! Why a bucket did not do what it was asked, in the words that conditions and records show.
//!
//! No variant holds a key, a signature or a signed URL; of what the store itself says only its
//! error code is kept.

use std::error::Error;

use titan_crds::Reason;

use super::put::BoxError;
use crate::net::ConnectError;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A `PutObject`.
    Put,
    /// A `GetObject`.
    Get,
}

/// A bucket's error. [`BucketError::reason`] is the word for conditions.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The configuration can't lead to any request.
    #[error("the storage configuration can not be used: {0}")]
    Configuration(&'static str),
    /// The CA bundle is unusable.
    #[error("the storage's ca bundle can not be used")]
    CaBundle(#[source] crate::net::NetError),
    /// Temporary credentials are past their end.
    #[error("the storage credentials have expired")]
    CredentialsExpired,
    /// There are no keys for an identity: no token, or one that the token service refuses.
    #[error("no keys for the identity: {0}")]
    Identity(String),
    /// The store answered with an error.
    #[error("{} {status}{}", meaning(*reason), shown_code(code.as_deref()))]
    Store {
        /// What was asked.
        operation: Operation,
        /// See [`BucketError::reason`].
        reason: Reason,
        /// HTTP status.
        status: u16,
        /// The store's own error code.
        code: Option<String>,
    },
    /// The bucket lives in another region.
    #[error("the bucket is in another region{}", shown_region(region.as_deref()))]
    WrongRegion {
        /// The region that the store named.
        region: Option<String>,
    },
    /// The store refuses `x-amz-checksum-sha256` itself. It is remembered: the same PUT sent again
    /// goes without it.
    #[error("the store refuses the checksum header (status {status})")]
    ChecksumHeaderRefused {
        /// HTTP status.
        status: u16,
    },
    /// The store received other bytes than the hash in the request promises.
    #[error("the store says that the body does not match its hash (status {status})")]
    DigestMismatch {
        /// HTTP status.
        status: u16,
    },
    /// The range asked for lies outside of the object.
    #[error("the range lies outside of the object")]
    RangeNotSatisfiable,
    /// No connection, or it broke.
    #[error("no answer from the store: {reason}")]
    Network {
        /// See [`BucketError::reason`].
        reason: Reason,
        /// What the connection said.
        #[source]
        source: BoxError,
    },
    /// The store was silent for too long.
    #[error("the store was silent for too long while {0}")]
    Timeout(&'static str),
    /// Our own body gave an error: the request was cut on purpose and no object appeared.
    #[error("the body was cut off")]
    BodyAborted(#[source] BoxError),
    /// Our own body was longer or shorter than promised: the request was cut, no object appeared.
    #[error("the body has {} than the {promised} bytes promised", if *longer { "more" } else { "fewer" })]
    BodyLength {
        /// `Content-Length`.
        promised: u64,
        /// Whether there was more (else less).
        longer: bool,
    },
    /// The answer makes no sense.
    #[error("the store's answer is not understood: {0}")]
    Answer(&'static str),
}

// === impl BucketError ===

impl BucketError {
    /// The reason for conditions and records. What can't even be asked for stands in a spec whose
    /// rules the cluster has checked, or in the Secret, which nobody has: so the Secret is blamed.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Configuration(_) => Reason::SecretIncomplete,
            Self::CaBundle(_) => Reason::TlsFailed,
            Self::CredentialsExpired => Reason::CredentialsExpired,
            Self::Identity(_) => Reason::IdentityRefused,
            Self::Store { reason, .. } | Self::Network { reason, .. } => *reason,
            Self::WrongRegion { .. } => Reason::WrongRegion,
            Self::Timeout(_) => Reason::Timeout,
            Self::ChecksumHeaderRefused { .. }
            | Self::DigestMismatch { .. }
            | Self::RangeNotSatisfiable
            | Self::BodyAborted(_)
            | Self::BodyLength { .. }
            | Self::Answer(_) => Reason::StoreError,
        }
    }

    /// Whether a GET may have failed because the object is gone: a 404, and a 403 too, since AWS
    /// answers that to a key pair without `s3:ListBucket`.
    #[must_use]
    pub fn is_missing_object(&self) -> bool {
        match self {
            Self::Store {
                operation: Operation::Get,
                reason,
                status,
                ..
            } => match reason {
                Reason::AccessDenied => true,
                Reason::StoreError => *status == 404,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether our own body ended the request; the cause is what the body said.
    #[must_use]
    pub fn body_aborted(&self) -> bool {
        matches!(self, Self::BodyAborted(_) | Self::BodyLength { .. })
    }

    /// Whether the same PUT is worth sending again at once: the header that was refused is left
    /// out from now on.
    #[must_use]
    pub fn is_worth_resending(&self) -> bool {
        matches!(self, Self::ChecksumHeaderRefused { .. })
    }

    /// Whether a PUT failed in a way that hides the cause, as when a store closes the connection
    /// under a large body instead of reading on to say 403: [`super::Bucket::check`] tells then.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        match self {
            Self::Network { reason, .. } => *reason == Reason::StoreError,
            Self::Timeout(_) | Self::Answer(_) => true,
            _ => false,
        }
    }

    /// A connection that could not be made, or that broke.
    pub(super) fn network(source: BoxError) -> Self {
        let kind =
            ConnectError::find(source.as_ref() as &(dyn Error + 'static)).map(ConnectError::kind);
        let reason = match kind {
            Some(kind) => kind.reason(),
            None => Reason::StoreError,
        };
        Self::Network { reason, source }
    }
}

/// What an answer means, as far as its status and code leave it open to a reader.
fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidCredentials => "the store does not accept the keys: it answered",
        Reason::CredentialsExpired => "the temporary keys have expired: the store answered",
        Reason::NoSuchBucket => "the store has no such bucket: it answered",
        Reason::EncryptionRefused => "the store refuses the encryption asked for: it answered",
        _ => "the store answered",
    }
}

fn shown_code(code: Option<&str>) -> String {
    code.map(|code| format!(" {code}")).unwrap_or_default()
}

fn shown_region(region: Option<&str>) -> String {
    region
        .map(|region| format!(": {region}"))
        .unwrap_or_default()
}
