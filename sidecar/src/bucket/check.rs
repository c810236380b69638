//! A tiny PUT that tells what is wrong with a bucket.
//!
//! Under a large body many stores close the connection instead of answering 403 or 404. A PUT of a
//! few bytes with the very headers of a transfer always gets its answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::client::Bucket;
use super::disposition;
use super::error::BucketError;
use super::put::NewObject;

/// Name of the one object that a check writes, behind the prefix.
pub(super) const PROBE_NAME: &str = ".titan-media-probe";

/// Its content: says to whoever finds it what it is.
const PROBE_BODY: &[u8] = b"Titan Media writes this object to check that it may write here.\n";

// === impl Bucket ===

impl Bucket {
    /// Writes the probe object. `Ok` means that a transfer would be let in. A store that refuses
    /// the checksum header is asked again without it.
    pub async fn check(&self, now: Timestamp) -> Result<(), BucketError> {
        if self
            .config()
            .credentials
            .expires_at
            .is_some_and(|end| end <= now)
        {
            return Err(BucketError::CredentialsExpired);
        }
        match self.put_probe().await {
            Err(error) if error.is_worth_resending() => self.put_probe().await,
            done => done,
        }
    }

    async fn put_probe(&self) -> Result<(), BucketError> {
        let object = NewObject {
            key: format!(
                "{}{PROBE_NAME}",
                self.config().prefix.trim_start_matches('/')
            ),
            length: PROBE_BODY.len() as u64,
            sha256: Sha256::digest(PROBE_BODY).into(),
            content_type: "text/plain; charset=utf-8".to_owned(),
            content_disposition: Some(disposition::header(
                Some("titan-media-probe.txt"),
                "text/plain",
            )),
            metadata: BTreeMap::from([("kind".to_owned(), "probe".to_owned())]),
        };
        self.put_bytes(&object, Bytes::from_static(PROBE_BODY))
            .await
            .map(|_| ())
    }
}
