//! The first of two passes over a file whose message has no plaintext hash: verifies everything,
//! releases nothing, and learns what the second pass must promise.

use bytes::BytesMut;

use super::pass::Pass;
use super::{IntegrityError, MediaKeys, STEP, Verified};

/// Reads a blob to its end and says what its plaintext is.
pub struct Scan {
    pass: Box<Pass>,
    enc_sha256: Option<[u8; 32]>,
    /// Plaintext of the current step, overwritten by the next.
    scratch: BytesMut,
}

impl Scan {
    /// Starts at the first byte; `enc_sha256` is checked where the message gives it.
    #[must_use]
    pub fn new(keys: &MediaKeys, enc_sha256: Option<[u8; 32]>) -> Self {
        Self {
            pass: Box::new(Pass::new(keys, enc_sha256.is_some())),
            enc_sha256,
            scratch: BytesMut::new(),
        }
    }

    /// Takes the next bytes of the blob. Never fails before the end.
    pub fn push(&mut self, chunk: &[u8]) {
        for piece in chunk.chunks(STEP) {
            self.scratch.clear();
            self.pass.push(piece, &mut self.scratch);
        }
    }

    /// Bytes of the blob taken so far: where a broken fetch goes on.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.pass.consumed()
    }

    /// Hash and length of the plaintext, once MAC, padding and (where given) the blob's hash are
    /// right.
    pub fn finish(self) -> Result<Verified, IntegrityError> {
        let passed = self.pass.finish()?;
        if passed.enc_sha256 != self.enc_sha256 {
            return Err(IntegrityError::EncSha256);
        }
        Ok(Verified {
            sha256: passed.sha256,
            length: passed.length,
        })
    }
}
