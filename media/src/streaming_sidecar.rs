//! The streaming sidecar: one 10-byte MAC per 64 KiB of a blob, so that a player can trust a
//! chunk without the rest. Video and audio carry it.
//!
//! Entry `i` is the HMAC over chunk `i` and the 16 bytes before it (the IV before the first):
//! exactly what CBC needs to decrypt that chunk alone. The file's MAC belongs to the last chunk.

use hmac::block_api::HmacCore;
use sha2::Sha256;

use super::keys::same_mac;
use super::lane::Lane;
use super::{BLOCK, IntegrityError, MAC, MediaKeys};

/// Bytes of the blob that one entry covers.
pub const CHUNK: usize = 64 * 1024;

/// Makes a sidecar from a blob, piece by piece.
pub struct Generator {
    keys: MediaKeys,
    /// The newest 16 bytes, the IV at first.
    previous: [u8; BLOCK],
    /// The chunk being read, and how many of its bytes came.
    current: Option<(Lane<HmacCore<Sha256>>, usize)>,
    entries: Vec<u8>,
}

impl Generator {
    /// Starts at the first byte of the blob.
    #[must_use]
    pub fn new(keys: &MediaKeys) -> Self {
        Self {
            keys: keys.clone(),
            previous: *keys.iv(),
            current: None,
            entries: Vec::new(),
        }
    }

    /// Takes the next bytes of the blob, the MAC at its end included.
    pub fn push(&mut self, mut blob: &[u8]) {
        while !blob.is_empty() {
            let (mut mac, read) = self.current.take().unwrap_or_else(|| self.start());
            let (now, later) = blob.split_at(blob.len().min(CHUNK - read));
            mac.update(now);
            self.remember(now);
            blob = later;
            self.current = Some((mac, read + now.len()));
            if read + now.len() == CHUNK {
                self.close();
            }
        }
    }

    /// All entries. Never the extra one of a range loop (see [`fits`]).
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.close();
        self.entries
    }

    fn start(&self) -> (Lane<HmacCore<Sha256>>, usize) {
        let mut mac = Lane::new(self.keys.mac());
        mac.update(&self.previous);
        (mac, 0)
    }

    fn close(&mut self) {
        if let Some((mac, _)) = self.current.take() {
            self.entries.extend(mac.finish().iter().take(MAC));
        }
    }

    fn remember(&mut self, newest: &[u8]) {
        let (kept, room) = (newest.len().min(BLOCK), BLOCK - newest.len().min(BLOCK));
        self.previous.rotate_left(kept);
        let newest = newest.iter().skip(newest.len() - kept);
        self.previous
            .iter_mut()
            .skip(room)
            .zip(newest)
            .for_each(|(to, from)| *to = *from);
    }
}

/// Entries of the sidecar of a blob.
#[must_use]
pub const fn entries(blob_len: u64) -> u64 {
    blob_len.div_ceil(CHUNK as u64)
}

/// Whether a sidecar of `sidecar_len` bytes can belong to a blob of `blob_len` bytes.
///
/// Some senders add an entry over the last 10 bytes alone where IV and blob together end 10 bytes
/// into a chunk; that one is accepted and ignored.
#[must_use]
pub const fn fits(sidecar_len: usize, blob_len: u64) -> bool {
    let extra = blob_len.wrapping_add(BLOCK as u64) % CHUNK as u64 == MAC as u64;
    let found = (sidecar_len / MAC) as u64;
    sidecar_len.is_multiple_of(MAC)
        && (found == entries(blob_len) || (extra && found == entries(blob_len) + 1))
}

/// Checks one chunk. `chunk` is the blob from `index` × 64 KiB on, 64 KiB or up to the blob's
/// end; `previous` the 16 bytes before it, the IV for chunk 0.
///
/// # Errors
/// [`IntegrityError::Chunk`] if the chunk is not what the sender had, or the sidecar has no such
/// entry; [`IntegrityError::Malformed`] if it is empty or longer than a chunk can be.
pub fn verify_chunk(
    keys: &MediaKeys,
    sidecar: &[u8],
    index: u64,
    previous: &[u8; BLOCK],
    chunk: &[u8],
) -> Result<(), IntegrityError> {
    if chunk.is_empty() || chunk.len() > CHUNK {
        return Err(IntegrityError::Malformed {
            length: chunk.len() as u64,
        });
    }
    let entry = usize::try_from(index)
        .ok()
        .and_then(|index| sidecar.chunks_exact(MAC).nth(index));
    let mut mac = Lane::new(keys.mac());
    mac.update(previous);
    mac.update(chunk);
    match entry {
        Some(entry) if same_mac(&mac.finish(), entry) => Ok(()),
        _ => Err(IntegrityError::Chunk { index }),
    }
}
