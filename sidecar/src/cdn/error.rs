//! What can go wrong between us and the CDN. Hosts are named, paths and queries never.

use std::{error::Error, time::Duration};

use super::status::Class;
use crate::net::{ConnectError, ConnectErrorKind, NetError};

/// Any error that may travel between threads.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// A fetch failed.
#[derive(Debug, thiserror::Error)]
pub enum CdnError {
    /// The CDN answered something else than the file.
    #[error("{host} answered {status}")]
    Status {
        /// Who answered.
        host: String,
        /// HTTP status.
        status: u16,
        /// What it means.
        class: Class,
    },
    /// The CDN sent us elsewhere; it never has a reason to.
    #[error("{host} redirected with {status}, which is refused")]
    Redirect {
        /// Who answered.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// No connection, or it broke.
    #[error("the connection to {host} failed")]
    Network {
        /// Who was asked.
        host: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Nothing came for too long.
    #[error("{host} sent nothing for {after:?}")]
    Stalled {
        /// Who was asked.
        host: String,
        /// How long we waited.
        after: Duration,
    },
    /// The answer is not the range, the encoding or the file that was asked for.
    #[error("{host} answered with {what}")]
    Mismatch {
        /// Who answered.
        host: String,
        /// What was wrong.
        what: &'static str,
    },
    /// The body broke and could not be resumed.
    #[error("the file broke off at byte {at} and could not be resumed")]
    Broken {
        /// Bytes that had arrived.
        at: u64,
        /// What the last attempt to resume said.
        #[source]
        source: Box<Self>,
    },
    /// More bytes than allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit, bytes of the blob.
        limit: u64,
    },
    /// The message names no place that may be fetched.
    #[error("{0}")]
    Invalid(&'static str),
}

impl CdnError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Status { class, .. } => *class,
            Self::Broken { source, .. } => match source.class() {
                Class::Retry { after } => Class::Retry { after },
                Class::Throttled => Class::Throttled,
                // A fresh fetch decides what is gone; an answer to a resume does not.
                Class::Gone | Class::Forbidden | Class::Invalid | Class::TooLarge => {
                    Class::Retry { after: None }
                }
            },
            Self::TooLarge { .. } => Class::TooLarge,
            Self::Invalid(_) => Class::Invalid,
            Self::Redirect { .. }
            | Self::Network { .. }
            | Self::Stalled { .. }
            | Self::Mismatch { .. } => Class::Retry { after: None },
        }
    }

    /// Whether the hosts themselves are refused to us.
    #[must_use]
    pub fn is_unauthorised(&self) -> bool {
        matches!(self, Self::Status { status: 401, .. })
    }

    /// Why no connection came about, if that was it.
    #[must_use]
    pub fn connect_kind(&self) -> Option<ConnectErrorKind> {
        ConnectError::find(self).map(ConnectError::kind)
    }

    /// The CDN's own wish for the next attempt.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.class() {
            Class::Retry { after } => after,
            _ => None,
        }
    }

    /// Whether asking the same host again within seconds makes sense.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Stalled { .. } => true,
            Self::Status { status, .. } => matches!(*status, 408 | 429 | 500..=506 | 508..),
            _ => false,
        }
    }

    /// Whether no other host needs to be asked.
    pub(super) fn settles(&self) -> bool {
        !matches!(self.class(), Class::Retry { .. } | Class::Forbidden)
    }
}

/// The CDN client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An origin that is not `http(s)://host[:port]`.
    #[error("a CDN origin must be http:// or https:// with a host, and no path, query or user")]
    Origin,
    /// The CA bundle.
    #[error("the CDN's CA can't be used")]
    Tls(#[from] NetError),
}
