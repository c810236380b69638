//! Opening a blob's chunks one by one, in any order: each is checked against the streaming sidecar
//! before it is decrypted.
//!
//! What a chunk alone can't tell is where the plaintext ends. The end of the blob tells it: its
//! last chunks are checked first, and only then is the length that their padding gives believed.

use aes::Aes256Dec;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};

use super::streaming_sidecar::{CHUNK, entries, fits, verify_chunk};
use super::{BLOCK, IntegrityError, MAC, MediaKeys, length_from_tail};

/// Bytes from the end of a blob that always hold its last cipher block, in a chunk that can be
/// checked: where the last chunk has nothing but the MAC, that is the chunk before it.
pub const TAIL: usize = CHUNK + BLOCK + MAC;

/// True lengths of a file, authenticated by its streaming sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes of the blob.
    pub blob: u64,
    /// Bytes of the plaintext.
    pub plain: u64,
}

/// A file whose chunks can be opened.
#[derive(Debug)]
pub struct Chunks {
    keys: MediaKeys,
    sidecar: Vec<u8>,
    lengths: Lengths,
}

// === impl Lengths ===

impl Lengths {
    /// Checks the end of a blob of `blob` bytes and reads the length of the plaintext from it.
    /// `tail` is the blob's last [`TAIL`] bytes, or all of a shorter one.
    ///
    /// # Errors
    /// [`IntegrityError::Chunk`] if the sidecar is not that of such a blob, or the last chunk not
    /// the sender's; [`IntegrityError::Malformed`] and [`IntegrityError::Padding`] as
    /// [`length_from_tail`].
    pub fn from_tail(
        keys: &MediaKeys,
        sidecar: &[u8],
        blob: u64,
        tail: &[u8],
    ) -> Result<Self, IntegrityError> {
        let last = entries(blob).saturating_sub(1);
        if !fits(sidecar.len(), blob) {
            return Err(IntegrityError::Chunk { index: last });
        }
        let malformed = IntegrityError::Malformed { length: blob };
        // The chunk that holds the last cipher block; the MAC behind it may be the next one.
        let end = blob.checked_sub((BLOCK + MAC) as u64).ok_or(malformed)?;
        for index in end / CHUNK as u64..=last {
            let (previous, chunk) = chunk_of_tail(keys, blob, tail, index).ok_or(malformed)?;
            verify_chunk(keys, sidecar, index, &previous, chunk)?;
        }
        let blocks = if end == 0 { BLOCK } else { 2 * BLOCK };
        let from = tail.len().checked_sub(blocks + MAC).ok_or(malformed)?;
        let plain = length_from_tail(keys, blob, tail.get(from..).unwrap_or_default())?;
        Ok(Self { blob, plain })
    }
}

/// Chunk `index` of a blob and the 16 bytes before it, from the blob's last bytes.
fn chunk_of_tail<'t>(
    keys: &MediaKeys,
    blob: u64,
    tail: &'t [u8],
    index: u64,
) -> Option<([u8; BLOCK], &'t [u8])> {
    let tail_at = blob.checked_sub(tail.len() as u64)?;
    let chunk_at = usize::try_from((index * CHUNK as u64).checked_sub(tail_at)?).ok()?;
    let end = tail.len().min(chunk_at + CHUNK);
    let previous = match index {
        0 => *keys.iv(),
        _ => *tail.get(..chunk_at)?.last_chunk()?,
    };
    Some((previous, tail.get(chunk_at..end)?))
}

// === impl Chunks ===

impl Chunks {
    /// The chunks of a file whose lengths are known.
    #[must_use]
    pub fn new(keys: MediaKeys, sidecar: Vec<u8>, lengths: Lengths) -> Self {
        Self {
            keys,
            sidecar,
            lengths,
        }
    }

    /// What counts as the 16 bytes before the first chunk.
    #[must_use]
    pub fn iv(&self) -> [u8; BLOCK] {
        *self.keys.iv()
    }

    /// The file's lengths.
    #[must_use]
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// Bytes of the blob in chunk `index`; 0 behind the last.
    #[must_use]
    pub fn chunk_len(&self, index: u64) -> usize {
        let at = index.saturating_mul(CHUNK as u64);
        let left = self.lengths.blob.saturating_sub(at).min(CHUNK as u64);
        usize::try_from(left).unwrap_or(CHUNK)
    }

    /// Checks chunk `index` and decrypts it where it lies. Then `chunk` is the plaintext from
    /// `index` × 64 KiB on: padding and MAC are cut off.
    ///
    /// # Errors
    /// As [`verify_chunk`], and [`IntegrityError::Malformed`] if the chunk is not as long as it has
    /// to be; `chunk` is not decrypted then.
    pub fn open(
        &self,
        index: u64,
        previous: &[u8; BLOCK],
        chunk: &mut Vec<u8>,
    ) -> Result<(), IntegrityError> {
        if chunk.len() != self.chunk_len(index) {
            return Err(IntegrityError::Malformed {
                length: chunk.len() as u64,
            });
        }
        verify_chunk(&self.keys, &self.sidecar, index, previous, chunk)?;
        let at = index.saturating_mul(CHUNK as u64);
        let cipher = self.lengths.blob.saturating_sub(MAC as u64 + at);
        chunk.truncate(usize::try_from(cipher).unwrap_or(CHUNK));
        cbc::Decryptor::<Aes256Dec>::new(self.keys.cipher_key().into(), previous.into())
            .decrypt_blocks(Array::slice_as_chunks_mut(chunk).0);
        let plain = self.lengths.plain.saturating_sub(at);
        chunk.truncate(usize::try_from(plain).unwrap_or(CHUNK));
        Ok(())
    }
}
