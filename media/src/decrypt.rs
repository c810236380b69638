//! Streaming decryption under the release rule: the byte that completes the promised length
//! never leaves before the verdict.

use bytes::BytesMut;
use hmac::digest::block_api::EagerHash;
use sha2::Sha256;

use super::lane::Lane;
use super::pass::{Pass, Passed};
use super::{IntegrityError, MediaKeys, encrypted_len};

/// What a file must turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256 of the plaintext, `fileSha256`.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 of the blob, `fileEncSha256`. Checked only when `sha256` is missing: the MAC is
    /// right and strict padding makes decryption a bijection, so a right plaintext hash implies
    /// a right blob hash, and a third hash of every byte would prove nothing more.
    pub enc_sha256: Option<[u8; 32]>,
    /// Plaintext bytes promised downstream (`Content-Length`).
    pub length: u64,
}

/// A file that was found right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// Bytes of the plaintext.
    pub length: u64,
}

/// Turns a blob into its plaintext, piece by piece, in constant memory.
///
/// [`push`](Self::push) releases plaintext as early as it can, but never the byte that completes
/// [`Expected::length`], nor any after it. Only [`finish`](Self::finish) releases that byte, and
/// only after everything was found right. An error is final: later calls repeat it.
pub struct Decryptor {
    body: Body,
    expected: Expected,
    /// The completing byte, once decrypted.
    held: Option<u8>,
    failed: Option<IntegrityError>,
}

enum Body {
    /// Boxed: the key schedule and three hash states are too large to move through futures.
    Encrypted(Box<Pass>),
    Plain {
        hash: Lane<<Sha256 as EagerHash>::Core>,
        consumed: u64,
    },
}

// === impl Decryptor ===

impl Decryptor {
    /// For a blob that is encrypted under a media key.
    #[must_use]
    pub fn encrypted(keys: &MediaKeys, expected: Expected) -> Self {
        let hash_blob = expected.sha256.is_none() && expected.enc_sha256.is_some();
        Self {
            body: Body::Encrypted(Box::new(Pass::new(keys, hash_blob))),
            expected,
            held: None,
            failed: None,
        }
    }

    /// For newsletter media, which is plaintext on the CDN. Without any hash every call is
    /// refused as [`IntegrityError::Unverifiable`].
    #[must_use]
    pub fn plain(expected: Expected) -> Self {
        let hash = Lane::new(<Sha256 as EagerHash>::Core::default());
        let known = expected.sha256.or(expected.enc_sha256);
        Self {
            body: Body::Plain { hash, consumed: 0 },
            expected,
            held: None,
            failed: known.is_none().then_some(IntegrityError::Unverifiable),
        }
    }

    /// Bytes of the blob taken so far: where a broken fetch goes on.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        match &self.body {
            Body::Encrypted(pass) => pass.consumed(),
            Body::Plain { consumed, .. } => *consumed,
        }
    }

    /// Takes the next bytes of the blob and appends to `out` what may be released.
    ///
    /// # Errors
    /// [`IntegrityError::TooLong`] as soon as there is more plaintext than promised; `out` is
    /// then as it was. Nothing else is judged before the end.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<(), IntegrityError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let known = match &self.body {
            Body::Encrypted(pass) => pass.plaintext_after(chunk.len()),
            Body::Plain { consumed, .. } => consumed + chunk.len() as u64,
        };
        if known > self.expected.length {
            let error = IntegrityError::TooLong {
                expected: self.expected.length,
            };
            self.failed = Some(error);
            return Err(error);
        }
        match &mut self.body {
            Body::Encrypted(pass) => pass.push(chunk, out),
            Body::Plain { hash, consumed } => {
                hash.update(chunk);
                *consumed += chunk.len() as u64;
                out.extend_from_slice(chunk);
            }
        }
        // Whoever reaches the promised length appended at least one byte in this very call.
        if known == self.expected.length && known > 0 && self.held.is_none() {
            self.held = out.last().copied();
            out.truncate(out.len().saturating_sub(1));
        }
        Ok(())
    }

    /// The verdict at the end of the blob: MAC, padding, hash, true length, in that order. When
    /// all are right, appends to `out` what was held back; otherwise leaves it alone.
    ///
    /// # Errors
    /// The first check that fails. [`IntegrityError::Length`] only when all others passed;
    /// [`IntegrityError::Truncated`] instead of any other one when the blob is shorter than the
    /// promised length needs.
    pub fn finish(self, out: &mut BytesMut) -> Result<Verified, IntegrityError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let consumed = self.consumed();
        let (checked, needed) = match self.body {
            Body::Encrypted(pass) => (pass.finish(), encrypted_len(self.expected.length)),
            Body::Plain { hash, .. } => (Ok(passed_plain(hash, consumed)), self.expected.length),
        };
        let passed = checked
            .and_then(|passed| check_hash(&self.expected, passed))
            .map_err(|error| {
                if consumed < needed {
                    IntegrityError::Truncated { consumed }
                } else {
                    error
                }
            })?;
        let (expected, found) = (self.expected.length, passed.length);
        if found != expected {
            return Err(IntegrityError::Length { expected, found });
        }
        out.extend(self.held);
        out.extend_from_slice(&passed.rest);
        Ok(Verified {
            sha256: passed.sha256,
            length: found,
        })
    }
}

fn passed_plain(hash: Lane<<Sha256 as EagerHash>::Core>, consumed: u64) -> Passed {
    let sha256 = hash.finish();
    Passed {
        sha256,
        enc_sha256: Some(sha256),
        length: consumed,
        rest: Vec::new(),
    }
}

fn check_hash(expected: &Expected, passed: Passed) -> Result<Passed, IntegrityError> {
    if let Some(sha256) = expected.sha256 {
        return if sha256 == passed.sha256 {
            Ok(passed)
        } else {
            Err(IntegrityError::Sha256)
        };
    }
    match (expected.enc_sha256, passed.enc_sha256) {
        (Some(expected), Some(found)) if expected != found => Err(IntegrityError::EncSha256),
        _ => Ok(passed),
    }
}
