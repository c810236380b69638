//! Media keys at rest: AES-256-GCM under the session's store key, when one is given.
//!
//! A sealed value is `nonce (12) ‖ ciphertext ‖ tag (16)`; beside it stands the id of its key, the
//! first eight hex digits of the key's SHA-256. The owner's name is authenticated with it, so that
//! a value copied to another row does not open.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of the nonce, bytes.
pub(super) const NONCE: usize = 12;

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key of this id was given: it was taken away before its rows were sealed anew.
    #[error("the store key {0} is missing")]
    MissingKey(String),
    /// The value was changed, or belongs to another row.
    #[error("a sealed value does not open")]
    Forged,
}

/// One store key. `Debug` shows its id only.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct StoreKey {
    id: String,
    key: [u8; 32],
}

/// The store keys of a session: the first one seals, every one opens.
#[derive(Clone)]
pub struct SealKey {
    current: StoreKey,
    older: Vec<StoreKey>,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("current", &self.current.id)
            .field("older", &self.older.len())
            .finish()
    }
}

impl StoreKey {
    fn new(key: [u8; 32]) -> Self {
        let digest = Sha256::digest(key);
        let id = hex::encode(digest).chars().take(8).collect();
        Self { id, key }
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.key.into())
    }
}

impl SealKey {
    /// `current` seals from now on; rows under `older` keys still open.
    #[must_use]
    pub fn new(current: [u8; 32], older: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self {
            current: StoreKey::new(current),
            older: older.into_iter().map(StoreKey::new).collect(),
        }
    }

    /// Id of the key that seals.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.current.id
    }

    /// Seals `plain` for `owner`. The nonce must be random and never used twice.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE],
        owner: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let payload = Payload {
            msg: plain,
            aad: owner,
        };
        let sealed = self
            .current
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError::Forged)?;
        Ok([&nonce, sealed.as_slice()].concat())
    }

    /// Opens what the key `id` sealed for `owner`.
    pub(super) fn open(
        &self,
        id: &str,
        owner: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id == id)
            .ok_or_else(|| SealError::MissingKey(id.to_owned()))?;
        let (nonce, msg) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(SealError::Forged)?;
        let payload = Payload { msg, aad: owner };
        key.cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_for_its_owner_only() {
        let key = SealKey::new([1; 32], []);
        let sealed = key.seal([7; NONCE], b"row", b"secret").unwrap();
        assert_eq!(*key.open(key.id(), b"row", &sealed).unwrap(), b"secret");
        assert_eq!(
            key.open(key.id(), b"other row", &sealed),
            Err(SealError::Forged)
        );
    }

    #[test]
    fn a_rotated_key_still_opens_old_values_until_it_is_taken_away() {
        let old = SealKey::new([1; 32], []);
        let sealed = old.seal([7; NONCE], b"row", b"secret").unwrap();
        let rotated = SealKey::new([2; 32], [[1; 32]]);
        assert_eq!(*rotated.open(old.id(), b"row", &sealed).unwrap(), b"secret");
        let without = SealKey::new([2; 32], []);
        assert_eq!(
            without.open(old.id(), b"row", &sealed),
            Err(SealError::MissingKey(old.id().to_owned()))
        );
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let key = SealKey::new([1; 32], []);
        let mut sealed = key.seal([7; NONCE], b"row", b"secret").unwrap();
        assert_eq!(
            key.open(key.id(), b"row", &sealed[..5]),
            Err(SealError::Forged)
        );
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(key.open(key.id(), b"row", &sealed), Err(SealError::Forged));
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", SealKey::new([0xAB; 32], []));
        assert!(!shown.contains("171"), "{shown}");
        assert!(!shown.to_lowercase().contains("abab"), "{shown}");
    }
}
