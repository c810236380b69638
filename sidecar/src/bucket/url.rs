//! The URLs that the tenant's application gets: presigned, direct, or below a public base.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::address::{Address, encode_path};
use super::config::{BucketConfig, Credentials, UrlMode};
use super::error::BucketError;
use super::sign;

/// The signature's own limit on a presigned URL.
pub const MAX_EXPIRY: Duration = Duration::from_hours(7 * 24);

/// A URL and how long it opens its object. `Debug` leaves out the URL's query, which is a key.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    /// The URL.
    pub url: String,
    /// When it stops working; `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
}

// === impl ObjectUrl ===

impl std::fmt::Debug for ObjectUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("ObjectUrl")
            .field("url", &plain)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// How long a signed URL lives where the configuration hands out none.
const USUAL_EXPIRY: Duration = Duration::from_hours(1);

/// The URL of `key` as the configuration wants it, signed with `keys` where it is a presigned one.
/// Type and disposition are those that were stored.
pub fn object_url(
    config: &BucketConfig,
    keys: Option<&Credentials>,
    key: &str,
    now: Timestamp,
) -> Result<ObjectUrl, BucketError> {
    match &config.url {
        UrlMode::Public { base } => {
            let base = base.as_str().trim_end_matches('/');
            Ok(ObjectUrl {
                url: format!("{base}/{}", encode_path(key)),
                expires_at: None,
            })
        }
        UrlMode::Direct => {
            let url = Address::public(config)?.object_url(key);
            Ok(ObjectUrl {
                url,
                expires_at: None,
            })
        }
        UrlMode::Presigned { expires_in } => presigned(config, keys, key, (now, *expires_in)),
    }
}

/// A URL of `key` that opens it by itself, for a caller to be sent to: like [`object_url`], but
/// signed where that one would need the caller's own credentials.
pub fn redirect_url(
    config: &BucketConfig,
    keys: Option<&Credentials>,
    key: &str,
    now: Timestamp,
) -> Result<ObjectUrl, BucketError> {
    match &config.url {
        UrlMode::Direct => presigned(config, keys, key, (now, USUAL_EXPIRY)),
        UrlMode::Public { .. } | UrlMode::Presigned { .. } => object_url(config, keys, key, now),
    }
}

fn presigned(
    config: &BucketConfig,
    keys: Option<&Credentials>,
    key: &str,
    (now, expires_in): (Timestamp, Duration),
) -> Result<ObjectUrl, BucketError> {
    let address = Address::public(config)?;
    let url = address.object_url(key);
    let keys = keys.ok_or(BucketError::CredentialsExpired)?;
    let seconds = lifetime(keys, expires_in, now)?;
    let signed_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let expires_in = Duration::from_secs(seconds);
    let url = sign::presign(&url, address.region(), keys, (signed_at, expires_in))?;
    let expires_at = signed_at.checked_add(SignedDuration::from_secs(
        i64::try_from(seconds).unwrap_or(0),
    ));
    Ok(ObjectUrl {
        url,
        expires_at: expires_at.ok(),
    })
}

/// Whole seconds that a URL may live: what is asked for, at most seven days, and not beyond the
/// credentials that sign it.
fn lifetime(keys: &Credentials, asked: Duration, now: Timestamp) -> Result<u64, BucketError> {
    let wanted = asked.min(MAX_EXPIRY).as_secs().max(1);
    let Some(end) = keys.expires_at else {
        return Ok(wanted);
    };
    match u64::try_from(end.as_second() - now.as_second()) {
        Ok(left) if left > 0 => Ok(wanted.min(left)),
        _ => Err(BucketError::CredentialsExpired),
    }
}
