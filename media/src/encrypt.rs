//! Encryption of outgoing files, whole or streaming; both give the same bytes.

use aes::Aes256Enc;
use bytes::BytesMut;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use hmac::block_api::HmacCore;
use hmac::digest::block_api::EagerHash;
use sha2::Sha256;

use super::lane::{Lane, update_both};
use super::streaming_sidecar::Generator;
use super::{BLOCK, MAC, MediaKey, MediaKeys, MediaType, STEP, encrypted_len};

/// An encrypted file and what its message has to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Ciphertext and MAC: what goes to the CDN.
    pub blob: Vec<u8>,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// SHA-256 of the blob.
    pub enc_sha256: [u8; 32],
    /// The streaming sidecar; only video and audio messages carry it.
    pub sidecar: Vec<u8>,
}

/// What a message has to say of a file that was encrypted piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// SHA-256 of the blob.
    pub enc_sha256: [u8; 32],
    /// The streaming sidecar; only video and audio messages carry it.
    pub sidecar: Vec<u8>,
    /// Bytes of the plaintext.
    pub length: u64,
}

/// Encrypts a file piece by piece, in constant memory but for the sidecar (10 bytes per 64 KiB).
pub struct Encryptor {
    cipher: cbc::Encryptor<Aes256Enc>,
    mac: Lane<HmacCore<Sha256>>,
    plain: Lane<<Sha256 as EagerHash>::Core>,
    blob: Lane<<Sha256 as EagerHash>::Core>,
    sidecar: Generator,
    /// Plaintext that does not fill a block yet.
    carry: Vec<u8>,
    length: u64,
}

/// Encrypts a whole file. The key must be random and used for this file (and its thumbnail) only.
#[must_use]
pub fn encrypt(key: &MediaKey, media_type: MediaType, plain: &[u8]) -> Encrypted {
    let size = usize::try_from(encrypted_len(plain.len() as u64)).unwrap_or_default();
    let mut blob = BytesMut::with_capacity(size);
    let mut encryptor = Encryptor::new(&MediaKeys::derive(key, media_type));
    encryptor.push(plain, &mut blob);
    let Sealed {
        sha256,
        enc_sha256,
        sidecar,
        length: _,
    } = encryptor.finish(&mut blob);
    Encrypted {
        blob: blob.into(),
        sha256,
        enc_sha256,
        sidecar,
    }
}

// === impl Encryptor ===

impl Encryptor {
    /// Starts at the first byte of the plaintext.
    #[must_use]
    pub fn new(keys: &MediaKeys) -> Self {
        let mut mac = Lane::new(keys.mac());
        mac.update(keys.iv());
        Self {
            cipher: cbc::Encryptor::new(keys.cipher_key().into(), keys.iv().into()),
            mac,
            plain: Lane::new(<Sha256 as EagerHash>::Core::default()),
            blob: Lane::new(<Sha256 as EagerHash>::Core::default()),
            sidecar: Generator::new(keys),
            carry: Vec::with_capacity(2 * BLOCK),
            length: 0,
        }
    }

    /// Takes the next bytes of the plaintext and appends to `out` what they complete of the blob.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) {
        self.length += chunk.len() as u64;
        self.plain.update(chunk);
        let missing = (BLOCK - self.carry.len()).min(chunk.len());
        let (top_up, chunk) = chunk.split_at(missing);
        self.carry.extend_from_slice(top_up);
        if self.carry.len() < BLOCK {
            return;
        }
        let carry = std::mem::take(&mut self.carry);
        self.seal(&carry, out);
        let (blocks, rest) = chunk.as_chunks::<BLOCK>();
        for piece in blocks.as_flattened().chunks(STEP) {
            self.seal(piece, out);
        }
        self.carry = carry;
        self.carry.clear();
        self.carry.extend_from_slice(rest);
    }

    /// Pads, appends the last block and the MAC, and says what the message needs.
    pub fn finish(mut self, out: &mut BytesMut) -> Sealed {
        let padding = BLOCK - self.carry.len();
        let mut last = std::mem::take(&mut self.carry);
        last.resize(BLOCK, u8::try_from(padding).unwrap_or_default());
        self.seal(&last, out);
        let full = self.mac.finish();
        let mac = full.first_chunk::<MAC>().map_or(&[][..], |mac| mac);
        self.blob.update(mac);
        self.sidecar.push(mac);
        out.extend_from_slice(mac);
        Sealed {
            sha256: self.plain.finish(),
            enc_sha256: self.blob.finish(),
            sidecar: self.sidecar.finish(),
            length: self.length,
        }
    }

    /// Encrypts whole blocks to the end of `out`.
    fn seal(&mut self, plain: &[u8], out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(plain);
        let cipher = out.get_mut(start..).unwrap_or_default();
        self.cipher
            .encrypt_blocks(Array::slice_as_chunks_mut(cipher).0);
        update_both((&mut self.mac, cipher), (&mut self.blob, cipher));
        self.sidecar.push(cipher);
    }
}
