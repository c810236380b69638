//! Writes a file, chunk by chunk.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use aead_stream::StreamPrimitive;
use sha2::{Digest, Sha256};

use super::room::Room;
use super::{CHUNK, Cipher, SpoolError, SpoolKey, TAG};

/// Bytes of plaintext that stay in memory: what a file is can be seen in them.
const HEAD: usize = 8 << 10;

/// A file being written. Dropped before [`Self::finish`], it leaves nothing.
pub struct SpoolWriter {
    path: PathBuf,
    file: File,
    cipher: Cipher,
    /// Number of the next chunk.
    position: u32,
    /// Plaintext that is not written yet: whether a full chunk is the last one is known only when
    /// more comes.
    chunk: Vec<u8>,
    head: Vec<u8>,
    digest: Sha256,
    length: u64,
    room: Arc<Room>,
    /// Bytes taken from the room.
    reserved: u64,
    state: State,
}

/// A file that is whole and safe on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Bytes of plaintext.
    pub length: u64,
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// The first 8 KiB of the plaintext.
    pub head: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A chunk was written in part: nothing good can follow.
    Broken,
    Finished,
}

// === impl SpoolWriter ===

impl SpoolWriter {
    pub(super) fn create(path: PathBuf, key: &SpoolKey, room: Arc<Room>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            path,
            file,
            cipher: key.cipher(),
            position: 0,
            chunk: Vec::with_capacity(CHUNK + TAG),
            head: Vec::new(),
            digest: Sha256::new(),
            length: 0,
            room,
            reserved: 0,
            state: State::Open,
        })
    }

    /// The first bytes of what was written, at most 8 KiB.
    #[cfg(test)]
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of plaintext written so far.
    #[cfg(test)]
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Writes what is left and makes file and name durable: after this, a crash loses nothing.
    pub fn finish(mut self) -> Result<Spooled, SpoolError> {
        self.write_chunk(true)?;
        self.file.sync_all()?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        self.state = State::Finished;
        Ok(Spooled {
            length: self.length,
            sha256: mem::take(&mut self.digest).finalize().into(),
            head: mem::take(&mut self.head),
        })
    }

    fn write_chunk(&mut self, last: bool) -> io::Result<()> {
        if self.state != State::Open {
            return Err(io::Error::other("an earlier write failed"));
        }
        self.state = State::Broken;
        let sealed = (self.chunk.len() + TAG) as u64;
        self.room.reserve(sealed)?;
        self.reserved += sealed;
        self.cipher
            .encrypt_in_place(self.position, last, b"", &mut self.chunk)
            .map_err(|_| io::Error::other("encrypt a chunk"))?;
        self.file.write_all(&self.chunk)?;
        self.chunk.clear();
        self.position = self
            .position
            .checked_add(1)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.state = State::Open;
        Ok(())
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.write_chunk(false)?;
        }
        let room = CHUNK.saturating_sub(self.chunk.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.chunk.extend_from_slice(taken);
        let head = HEAD.saturating_sub(self.head.len());
        self.head
            .extend_from_slice(taken.get(..head).unwrap_or(taken));
        self.digest.update(taken);
        self.length += taken.len() as u64;
        Ok(taken.len())
    }

    /// Does nothing: a chunk is written when it is full, and the last one by [`Self::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        if self.state == State::Finished {
            return;
        }
        // Where this fails the file is swept at the next start.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "an unfinished file stays in the spool");
        }
        self.room.release(self.reserved);
    }
}

impl fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolWriter")
            .field("path", &self.path)
            .field("length", &self.length)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
