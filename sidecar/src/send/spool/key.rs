//! The throw-away key of one file.

use std::fmt;

use aead_stream::NewStream;
use aes_gcm::Aes256Gcm;
use aes_gcm::KeyInit;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Cipher;

/// A random key for one file and no other. `Debug` shows nothing of it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SpoolKey([u8; 32]);

// === impl SpoolKey ===

impl SpoolKey {
    /// Takes 32 random bytes, or those that [`Self::bytes`] gave.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, for the file's row.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn cipher(&self) -> Cipher {
        Cipher::from_aead(Aes256Gcm::new(&self.0.into()), &[0; 7].into())
    }
}

impl fmt::Debug for SpoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpoolKey(…)")
    }
}
