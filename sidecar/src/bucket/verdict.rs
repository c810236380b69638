//! What is known of a bucket, in the form that conditions are made of. Pure.

use std::time::Duration;

use jiff::Timestamp;
use titan_crds::{Reason, report::BucketVerdict};
use url::Url;

use super::client::Bucket;
use super::config::BucketConfig;
use super::error::BucketError;
use crate::net::ConnectError;

/// Longest text of a verdict, in characters: with the rest it stays far below the 4096 bytes of a
/// termination message.
const MESSAGE: usize = 500;

/// What a check has seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Findings {
    pub(super) put: Option<bool>,
    pub(super) get: Option<bool>,
    pub(super) checksum_enforced: Option<bool>,
    pub(super) latency: Option<Duration>,
}

/// The verdict on a bucket that can't even be asked.
#[must_use]
pub fn unusable(reason: Reason, message: &str) -> BucketVerdict {
    BucketVerdict {
        reason: reason.to_string(),
        message: Some(shortened(message)),
        ..BucketVerdict::default()
    }
}

/// What is known of a bucket before it is asked.
#[must_use]
pub fn unknown(config: &BucketConfig) -> BucketVerdict {
    let endpoint = config.endpoint.as_ref().map(Url::as_str);
    BucketVerdict {
        bucket: Some(config.bucket.clone()),
        endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()),
        region: config.region.clone(),
        ..BucketVerdict::default()
    }
}

// === impl Bucket ===

impl Bucket {
    /// What a transfer that failed tells of the bucket.
    #[must_use]
    pub fn verdict_of(&self, error: &BucketError, now: Timestamp) -> BucketVerdict {
        self.verdict(Err(error), Findings::default(), now)
    }

    pub(super) fn verdict(
        &self,
        outcome: Result<(), &BucketError>,
        findings: Findings,
        now: Timestamp,
    ) -> BucketVerdict {
        let verdict = BucketVerdict {
            region: Some(self.region().to_owned()),
            put: findings.put,
            get: findings.get,
            checksum_enforced: findings.checksum_enforced,
            // Known once a PUT was answered, or an earlier check left word of one.
            checksum_header: findings.put.map(|_| self.sends_checksum()),
            latency_ms: findings.latency.map(millis),
            checked_at: Some(now),
            ..unknown(self.config())
        };
        match outcome {
            Ok(()) => BucketVerdict {
                reason: Reason::Ready.to_string(),
                reachable: Some(true),
                credentials: Some(true),
                ..verdict
            },
            Err(error) => failed(verdict, error),
        }
    }
}

fn failed(mut verdict: BucketVerdict, error: &BucketError) -> BucketVerdict {
    let reason = error.reason();
    verdict.reason = reason.to_string();
    verdict.message = Some(shortened(&message(error)));
    verdict.reachable = match error {
        BucketError::Network { .. } | BucketError::Timeout(_) => Some(false),
        BucketError::Configuration(_)
        | BucketError::CaBundle(_)
        | BucketError::Identity(_)
        | BucketError::CredentialsExpired => None,
        _ => Some(true),
    };
    verdict.credentials = match reason {
        Reason::InvalidCredentials | Reason::CredentialsExpired | Reason::IdentityRefused => {
            Some(false)
        }
        Reason::AccessDenied | Reason::NoSuchBucket | Reason::EncryptionRefused => Some(true),
        _ => None,
    };
    match error {
        BucketError::Store { code, .. } => verdict.code.clone_from(code),
        BucketError::WrongRegion {
            region: Some(region),
        } => verdict.region = Some(region.clone()),
        _ => {}
    }
    if reason == Reason::AccessDenied {
        // Whoever may not read may still have written.
        verdict.put = Some(verdict.put.unwrap_or_default());
        verdict.message = verdict.message.map(|message| {
            let right = if verdict.put == Some(true) {
                "GetObject"
            } else {
                "PutObject"
            };
            format!("{right} is not allowed: {message}")
        });
    }
    verdict
}

/// The error with its cause, which for a connection is what a person needs.
fn message(error: &BucketError) -> String {
    match error {
        BucketError::Network { source, .. } => match ConnectError::find(source.as_ref()) {
            Some(error) => error.with_cause(),
            None => "the connection broke off".to_owned(),
        },
        BucketError::CaBundle(cause) => format!("{error}: {cause}"),
        error => error.to_string(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MESSAGE).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
