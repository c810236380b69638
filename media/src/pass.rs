//! One pass over an encrypted blob: decrypts and hashes what is surely not the last block.

use aes::Aes256Dec;
use bytes::BytesMut;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::block_api::HmacCore;
use hmac::digest::block_api::EagerHash;
use sha2::Sha256;

use super::keys::same_mac;
use super::lane::{Lane, update_both};
use super::{BLOCK, IntegrityError, MAC, MediaKeys, STEP};

/// The last cipher block and the MAC: what a pass always holds back.
const TAIL: usize = BLOCK + MAC;

/// The state between two pieces of a blob.
pub(super) struct Pass {
    cipher: cbc::Decryptor<Aes256Dec>,
    mac: Lane<HmacCore<Sha256>>,
    plain: Lane<<Sha256 as EagerHash>::Core>,
    /// Hash of the blob, only where it has to be checked.
    blob: Option<Lane<<Sha256 as EagerHash>::Core>>,
    /// The newest bytes of the blob, at most `TAIL + BLOCK - 1`.
    carry: Vec<u8>,
    consumed: u64,
}

/// What a pass found out. The MAC and the padding are right.
pub(super) struct Passed {
    /// SHA-256 of the plaintext.
    pub(super) sha256: [u8; 32],
    /// SHA-256 of the blob, where the pass was to compute it.
    pub(super) enc_sha256: Option<[u8; 32]>,
    /// Bytes of the plaintext.
    pub(super) length: u64,
    /// Plaintext of the last cipher block, at most 15 bytes.
    pub(super) rest: Vec<u8>,
}

impl Pass {
    /// Starts at the first byte of the blob.
    pub(super) fn new(keys: &MediaKeys, hash_blob: bool) -> Self {
        let mut mac = Lane::new(keys.mac());
        mac.update(keys.iv());
        Self {
            cipher: cbc::Decryptor::new(keys.cipher_key().into(), keys.iv().into()),
            mac,
            plain: Lane::new(<Sha256 as EagerHash>::Core::default()),
            blob: hash_blob.then(|| Lane::new(<Sha256 as EagerHash>::Core::default())),
            carry: Vec::with_capacity(TAIL + 2 * BLOCK),
            consumed: 0,
        }
    }

    /// Bytes of the blob taken so far.
    pub(super) const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Bytes of plaintext known once `more` further bytes of the blob are taken.
    pub(super) const fn plaintext_after(&self, more: usize) -> u64 {
        let sure = (self.consumed + more as u64).saturating_sub(TAIL as u64);
        sure - sure % BLOCK as u64
    }

    /// Takes the next bytes of the blob and appends all plaintext that they complete.
    pub(super) fn push(&mut self, chunk: &[u8], out: &mut BytesMut) {
        let sure = (self.carry.len() + chunk.len()).saturating_sub(TAIL);
        let ready = sure - sure % BLOCK;
        self.consumed += chunk.len() as u64;
        out.reserve(ready);

        // First the bytes held back, topped up to whole blocks, then the chunk where it lies.
        let head = ready.min(self.carry.len().next_multiple_of(BLOCK));
        let (top_up, chunk) = chunk.split_at(head.saturating_sub(self.carry.len()));
        self.carry.extend_from_slice(top_up);
        let mut carry = std::mem::take(&mut self.carry);
        self.decrypt(carry.get(..head).unwrap_or_default(), out);
        carry.drain(..head);

        let (body, tail) = chunk.split_at(ready - head);
        for piece in body.chunks(STEP) {
            self.decrypt(piece, out);
        }
        carry.extend_from_slice(tail);
        self.carry = carry;
    }

    /// Decrypts whole blocks to the end of `out`, and hashes both sides while they are in cache.
    fn decrypt(&mut self, cipher: &[u8], out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(cipher);
        let plain = out.get_mut(start..).unwrap_or_default();
        self.cipher
            .decrypt_blocks(Array::slice_as_chunks_mut(plain).0);
        update_both((&mut self.mac, cipher), (&mut self.plain, plain));
        if let Some(blob) = &mut self.blob {
            blob.update(cipher);
        }
    }

    /// Checks the MAC, then the padding. The caller checks hashes and length.
    pub(super) fn finish(mut self) -> Result<Passed, IntegrityError> {
        let consumed = self.consumed;
        if self.carry.len() < TAIL {
            return Err(IntegrityError::Truncated { consumed });
        }
        let carry = std::mem::take(&mut self.carry);
        let (Some((last, mac)), TAIL) = (carry.split_first_chunk::<BLOCK>(), carry.len()) else {
            return Err(IntegrityError::Malformed { length: consumed });
        };
        self.mac.update(last);
        if !same_mac(&self.mac.finish(), mac) {
            return Err(IntegrityError::Mac);
        }
        let mut block = (*last).into();
        self.cipher.decrypt_block(&mut block);
        let rest = unpad(&block.0)?.to_vec();
        self.plain.update(&rest);
        let enc_sha256 = self.blob.map(|mut blob| {
            blob.update(&carry);
            blob.finish()
        });
        Ok(Passed {
            sha256: self.plain.finish(),
            enc_sha256,
            length: consumed - TAIL as u64 + rest.len() as u64,
            rest,
        })
    }
}

/// The bytes before PKCS#7 padding, every byte of which is checked: only then is decryption a
/// bijection, and a plaintext hash as good as a hash of the blob.
pub(super) fn unpad(block: &[u8; BLOCK]) -> Result<&[u8], IntegrityError> {
    let [.., count] = *block;
    let kept = BLOCK
        .checked_sub(usize::from(count))
        .filter(|kept| *kept < BLOCK);
    let (text, padding) = kept
        .and_then(|kept| block.split_at_checked(kept))
        .ok_or(IntegrityError::Padding)?;
    if padding.iter().all(|byte| *byte == count) {
        Ok(text)
    } else {
        Err(IntegrityError::Padding)
    }
}
