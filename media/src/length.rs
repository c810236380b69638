//! Lengths of plaintext and blob, one from the other.

use std::ops::RangeInclusive;

use aes::Aes256Dec;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};

use super::pass::unpad;
use super::{BLOCK, IntegrityError, MAC, MediaKeys};

/// Bytes of the blob of a plaintext of `plain` bytes: whole blocks with at least one byte of
/// padding, then the MAC. Saturates at the end of `u64`.
#[must_use]
pub const fn encrypted_len(plain: u64) -> u64 {
    (plain - plain % BLOCK as u64).saturating_add((BLOCK + MAC) as u64)
}

/// The lengths that the plaintext of a blob of `blob_len` bytes may have: sixteen of them, or
/// none if no blob has this length.
#[must_use]
pub const fn plausible_lengths(blob_len: u64) -> Option<RangeInclusive<u64>> {
    match blob_len.checked_sub((BLOCK + MAC) as u64) {
        Some(least) if least % BLOCK as u64 == 0 => Some(least..=least + BLOCK as u64 - 1),
        _ => None,
    }
}

/// Decrypts the end of a blob just far enough to learn the length of the plaintext. `tail` is its
/// last 42 bytes, or all 26 of a one-block blob. The answer is **not authenticated**.
///
/// # Errors
/// [`IntegrityError::Malformed`] if no blob has this length or `tail` another one than said;
/// [`IntegrityError::Padding`] if the last block is not padded strictly.
pub fn length_from_tail(
    keys: &MediaKeys,
    blob_len: u64,
    tail: &[u8],
) -> Result<u64, IntegrityError> {
    let least = blob_len - blob_len.min((BLOCK + MAC) as u64);
    let blocks = if least == 0 { 1 } else { 2 };
    if plausible_lengths(blob_len).is_none() || tail.len() != blocks * BLOCK + MAC {
        return Err(IntegrityError::Malformed {
            length: blob_len.min(tail.len() as u64),
        });
    }
    let mut blocks = tail.as_chunks::<BLOCK>().0.iter().copied();
    let (previous, end) = match (blocks.next(), blocks.next()) {
        (Some(previous), Some(end)) => (previous, end),
        (Some(end), None) => (*keys.iv(), end),
        (None, _) => return Err(IntegrityError::Malformed { length: blob_len }),
    };
    let mut block = end.into();
    cbc::Decryptor::<Aes256Dec>::new(keys.cipher_key().into(), &previous.into())
        .decrypt_block(&mut block);
    Ok(least + unpad(&block.0)?.len() as u64)
}
