//! Tells what is wrong with a bucket: by one tiny PUT, or by the whole check behind `/status` and
//! `probe`.
//!
//! Under a large body many stores close the connection instead of answering 403 or 404. A PUT of a
//! few bytes with the very headers of a transfer always gets its answer.
//!
//! A check leaves one object behind, under one key. What was verified when it was written stands in
//! its metadata, so that a later check by the same configuration needs no more than to read it.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use titan_crds::report::BucketVerdict;
use tokio::time::{Instant, timeout};

use super::client::Bucket;
use super::config::Access;
use super::disposition;
use super::error::BucketError;
use super::get::Object;
use super::put::NewObject;
use super::verdict::Findings;

/// Name of the one object that a check writes, behind the prefix.
pub(super) const PROBE_NAME: &str = ".titan-media-probe";

/// Its content: says to whoever finds it what it is.
const PROBE_BODY: &[u8] = b"Titan Media writes this object to check that it may write here.\n";

/// Metadata: the configuration that wrote the object.
const WRITTEN_BY: &str = "titan-written-by";

/// Metadata: whether the store refused a body that did not match its hash then, `true` or `false`.
const CHECKSUM_ENFORCED: &str = "titan-checksum-enforced";

/// Metadata: the store refused `x-amz-checksum-sha256` itself then.
const CHECKSUM_REFUSED: &str = "titan-checksum-refused";

/// How hard a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Reads the object that an earlier check left, and writes it only where that one could not have
    /// been made by the present configuration.
    Look,
    /// Writes it in any case: writing has failed, so that reading alone would prove nothing.
    Write,
}

// === impl Bucket ===

impl Bucket {
    /// Writes the probe object. `Ok` means that a transfer would be let in.
    pub async fn check(&self, now: Timestamp) -> Result<(), BucketError> {
        self.ready(now).await?;
        let enforced = self.checksum_enforced.get().copied();
        self.put_probe(Bytes::from_static(PROBE_BODY), enforced)
            .await
    }

    /// Whether the object that a check left can be read: then an object that can't be is not there.
    pub async fn may_read(&self) -> bool {
        self.get(&self.probe_key(), None).await.is_ok()
    }

    /// Checks the bucket in every way that a transfer needs it, within 15 s.
    pub async fn probe(&self, effort: Effort, now: Timestamp) -> BucketVerdict {
        let mut findings = Findings::default();
        let outcome = timeout(
            self.patience.check,
            self.examine(effort, now, &mut findings),
        )
        .await
        .unwrap_or(Err(BucketError::Timeout("the bucket was checked")));
        self.verdict(outcome.as_ref().map(|&()| ()), findings, now)
    }

    async fn examine(
        &self,
        effort: Effort,
        now: Timestamp,
        findings: &mut Findings,
    ) -> Result<(), BucketError> {
        self.ready(now).await?;
        if effort == Effort::Look && self.finds_its_own(findings).await? {
            return Ok(());
        }
        self.write(findings).await?;
        self.read_back(findings).await
    }

    /// Is the object there, and as this configuration would leave it? With Put and Get alone, AWS
    /// answers 403 for a key that is missing: the PUT that follows tells.
    async fn finds_its_own(&self, findings: &mut Findings) -> Result<bool, BucketError> {
        let object = match timed(findings, self.get(&self.probe_key(), None)).await {
            Err(error) if error.is_missing_object() => return Ok(false),
            object => object?,
        };
        findings.get = Some(true);
        let mark = |name: &str| {
            let mut marks = object.metadata.iter();
            marks.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.clone()))
        };
        let ours = mark(WRITTEN_BY).is_some_and(|by| by == self.fingerprint());
        let enforced = mark(CHECKSUM_ENFORCED).and_then(|enforced| enforced.parse().ok());
        let refused = mark(CHECKSUM_REFUSED).is_some();
        let (true, Some(enforced)) = (is_probe(object).await? && ours, enforced) else {
            return Ok(false);
        };
        if refused {
            self.refuse_checksum();
        }
        let enforced = *self.checksum_enforced.get_or_init(|| enforced);
        findings.checksum_enforced = Some(enforced);
        findings.put = Some(true);
        Ok(true)
    }

    /// A wrong body goes first, once: where it is taken, the right one replaces it.
    async fn write(&self, findings: &mut Findings) -> Result<(), BucketError> {
        let enforced = match self.checksum_enforced.get() {
            Some(enforced) => Some(*enforced),
            None => self.refuses_a_wrong_body(findings).await,
        };
        let right = self.put_probe(Bytes::from_static(PROBE_BODY), enforced);
        timed(findings, right).await?;
        findings.put = Some(true);
        if let Some(enforced) = enforced {
            findings.checksum_enforced = Some(*self.checksum_enforced.get_or_init(|| enforced));
        }
        Ok(())
    }

    /// Only where the right body is let in afterwards, a refusal was one of the wrong body.
    async fn refuses_a_wrong_body(&self, findings: &mut Findings) -> Option<bool> {
        let wrong = Bytes::from(PROBE_BODY.to_ascii_uppercase());
        match timed(findings, self.put_probe(wrong, None)).await {
            Ok(()) => Some(false),
            Err(BucketError::DigestMismatch { .. }) => Some(true),
            // Some say only that something is wrong; a store that is merely busy says nothing.
            Err(BucketError::Store { status, .. }) => {
                (!matches!(status, 429 | 503)).then_some(true)
            }
            Err(_) => None,
        }
    }

    async fn read_back(&self, findings: &mut Findings) -> Result<(), BucketError> {
        match timed(findings, self.get(&self.probe_key(), None)).await {
            Ok(object) => {
                findings.get = Some(true);
                if is_probe(object).await? {
                    Ok(())
                } else {
                    Err(BucketError::Answer("it is not the object just written"))
                }
            }
            Err(error) => {
                findings.get = error.is_missing_object().then_some(false);
                Err(error)
            }
        }
    }

    /// Writes `body` under the hash of [`PROBE_BODY`]. A store that refuses the checksum header is
    /// asked again without it.
    async fn put_probe(&self, body: Bytes, enforced: Option<bool>) -> Result<(), BucketError> {
        let object = self.probe_object(enforced);
        match self.put_bytes(&object, body.clone()).await {
            Err(error) if error.is_worth_resending() => {
                self.put_bytes(&self.probe_object(enforced), body).await
            }
            done => done,
        }
        .map(|_| ())
    }

    fn probe_object(&self, enforced: Option<bool>) -> NewObject {
        let mut metadata = BTreeMap::from([(WRITTEN_BY.to_owned(), self.fingerprint())]);
        metadata
            .extend(enforced.map(|enforced| (CHECKSUM_ENFORCED.to_owned(), enforced.to_string())));
        if !self.sends_checksum() {
            metadata.insert(CHECKSUM_REFUSED.to_owned(), true.to_string());
        }
        NewObject {
            key: self.probe_key(),
            length: PROBE_BODY.len() as u64,
            sha256: Sha256::digest(PROBE_BODY).into(),
            content_type: "text/plain; charset=utf-8".to_owned(),
            content_disposition: Some(disposition::header(
                Some("titan-media-probe.txt"),
                "text/plain",
            )),
            metadata,
        }
    }

    fn probe_key(&self) -> String {
        let prefix = self.config().prefix.trim_start_matches('/');
        format!("{prefix}{PROBE_NAME}")
    }

    /// Of all that decides whether a PUT is let in. Short enough to tell nothing of the access key.
    /// Temporary keys are always new ones and yet of one role: they don't make the object another's.
    fn fingerprint(&self) -> String {
        let (config, keys) = (self.config(), self.keys());
        let whose = match (&config.access, &keys) {
            (Access::Identity(identity), _) => identity.role_arn.as_deref().unwrap_or_default(),
            (_, Some(keys)) if keys.session_token.is_none() => &keys.access_key_id,
            _ => "temporary",
        };
        let mut hash = Sha256::new();
        for part in [
            whose.as_bytes(),
            format!("{:?}", config.encryption).as_bytes(),
            config
                .storage_class
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
        ] {
            hash.update(part);
            hash.update([0]);
        }
        let digest = hex::encode(hash.finalize());
        digest.get(..16).unwrap_or(&digest).to_owned()
    }
}

/// Runs one request and notes how long it took.
async fn timed<T>(findings: &mut Findings, request: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let answer = request.await;
    findings.latency = Some(started.elapsed());
    answer
}

async fn is_probe(mut object: Object) -> Result<bool, BucketError> {
    let mut content = Vec::new();
    while let Some(chunk) = object.body.next().await {
        content.extend_from_slice(&chunk?);
        if content.len() > PROBE_BODY.len() {
            return Ok(false);
        }
    }
    Ok(content == PROBE_BODY)
}
