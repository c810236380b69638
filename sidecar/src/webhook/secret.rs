//! An endpoint's signing key: one value, two spellings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Marks a value as Standard Webhooks' form: the rest is base64 of the key.
const PREFIX: &str = "whsec_";

/// HMAC-SHA256's block, in bytes.
const BLOCK: usize = 64;

/// The key of both signatures. Never shown: `Debug` prints a placeholder.
///
/// Kept as the block that HMAC makes of a key (RFC 2104 §2: longer keys are hashed, shorter ones
/// padded with zeros), so that signing can't fail.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; BLOCK]);

/// Why a configured value is no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    /// An HMAC under an empty key proves nothing.
    #[error("the signing key is empty")]
    Empty,
    /// `whsec_` announces base64, and the rest is not.
    #[error("what follows whsec_ is not base64")]
    NotBase64,
}

// === impl Secret ===

impl Secret {
    /// Reads a configured value: `whsec_…` is base64 of the key, anything else is the key itself,
    /// byte for byte.
    pub fn parse(value: &[u8]) -> Result<Self, SecretError> {
        let key = Zeroizing::new(match value.strip_prefix(PREFIX.as_bytes()) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| SecretError::NotBase64)?,
            None => value.to_vec(),
        });
        if key.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self(block_of(&key)))
    }

    /// The key as HMAC-SHA256's block.
    pub(crate) fn block(&self) -> &[u8; BLOCK] {
        &self.0
    }
}

fn block_of(key: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        let hash = Sha256::digest(key);
        block.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    block
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whsec_is_base64_and_anything_else_is_the_raw_key() {
        let start = |value: &[u8]| Secret::parse(value).unwrap().block()[..4].to_vec();
        assert_eq!(start(b"whsec_AAEC"), [0, 1, 2, 0]);
        assert_eq!(start(b"AAEC"), b"AAEC");
        assert_eq!(start(b"\xff\x01"), [0xff, 1, 0, 0]);
    }

    #[test]
    fn empty_and_broken_values_are_refused() {
        assert_eq!(Secret::parse(b""), Err(SecretError::Empty));
        assert_eq!(Secret::parse(b"whsec_"), Err(SecretError::Empty));
        assert_eq!(Secret::parse(b"whsec_%%"), Err(SecretError::NotBase64));
    }

    #[test]
    fn debug_shows_no_key() {
        let secret = Secret::parse(b"topsecret").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
