//! Media keys and what is derived from them.

use std::fmt;

use hkdf::Hkdf;
use hmac::KeyInit;
use hmac::block_api::HmacCore;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{BLOCK, MAC, MediaType};

/// A file's 32-byte media key. Never shown: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MediaKey(pub [u8; 32]);

/// A field that must have 32 bytes and has not. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} has {found} bytes instead of 32")]
pub struct KeyError {
    /// Name of the field in the message, such as `mediaKey` or `fileSha256`.
    pub field: &'static str,
    /// Bytes it has.
    pub found: usize,
}

/// Everything that one file's crypto needs, derived from its media key and type by HKDF-SHA256.
/// Never shown, and wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MediaKeys {
    iv: [u8; BLOCK],
    cipher_key: [u8; 32],
    /// Padded with zeros to a hash block, which HMAC does to any short key: so it fits by type.
    mac_key: [u8; 64],
}

/// Bytes expanded: IV 16, cipher key 32, MAC key 32. WhatsApp Web expands 32 more for a
/// `refKey` that nobody uses; HKDF output of another length starts with the same bytes.
const EXPANDED: usize = 80;

// === impl MediaKey ===

impl MediaKey {
    /// Takes the key from bytes of any length; `field` names them in the error.
    pub fn from_slice(field: &'static str, bytes: &[u8]) -> Result<Self, KeyError> {
        exactly_32(field, bytes).map(Self)
    }
}

impl fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaKey(…)")
    }
}

/// Takes a 32-byte hash or key from a message's field; `field` names it in the error.
pub fn exactly_32(field: &'static str, bytes: &[u8]) -> Result<[u8; 32], KeyError> {
    bytes.try_into().map_err(|_| KeyError {
        field,
        found: bytes.len(),
    })
}

// === impl MediaKeys ===

impl MediaKeys {
    /// Derives the keys of a file. A thumbnail uses its parent's media key and its own type.
    ///
    /// # Panics
    /// Never: the length expanded is a constant far below HKDF's limit.
    #[must_use]
    pub fn derive(key: &MediaKey, media_type: MediaType) -> Self {
        let mut expanded = [0; EXPANDED];
        Hkdf::<Sha256>::new(None, &key.0)
            .expand(media_type.hkdf_info().as_bytes(), &mut expanded)
            .expect("HKDF-SHA256 expands to anything up to 8160 bytes");
        let mut keys = Self {
            iv: [0; BLOCK],
            cipher_key: [0; 32],
            mac_key: [0; 64],
        };
        let mut bytes = expanded.iter().copied();
        let targets = keys
            .iv
            .iter_mut()
            .chain(&mut keys.cipher_key)
            .chain(&mut keys.mac_key);
        targets.zip(&mut bytes).for_each(|(to, from)| *to = from);
        expanded.zeroize();
        keys
    }

    /// The AES-CBC initialisation vector, which counts as the block before the blob's first.
    #[must_use]
    pub const fn iv(&self) -> &[u8; BLOCK] {
        &self.iv
    }

    /// The AES-256 key.
    pub(super) const fn cipher_key(&self) -> &[u8; 32] {
        &self.cipher_key
    }

    /// The MAC key, padded with zeros to 64 bytes.
    #[cfg(test)]
    pub(super) const fn mac_key(&self) -> &[u8; 64] {
        &self.mac_key
    }

    /// An HMAC that has read nothing yet.
    pub(super) fn mac(&self) -> HmacCore<Sha256> {
        HmacCore::new((&self.mac_key).into())
    }
}

impl fmt::Debug for MediaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaKeys(…)")
    }
}

/// Compares the first 10 bytes of an HMAC in constant time.
pub(super) fn same_mac(full: &[u8; 32], given: &[u8]) -> bool {
    full.first_chunk::<MAC>()
        .is_some_and(|mac| mac.ct_eq(given).into())
}
