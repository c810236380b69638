//! Reads a file back. A chunk's bytes are given out only after the chunk has proved itself.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aead_stream::StreamPrimitive;

use super::{CHUNK, Cipher, SpoolError, SpoolKey, TAG};

/// The plaintext of a finished file. What was altered, cut off or added to is an error of kind
/// [`io::ErrorKind::InvalidData`] from [`Read::read`], which comes before the first byte of the
/// chunk that it is in.
pub struct SpoolReader {
    file: File,
    cipher: Cipher,
    /// Number of the next chunk.
    position: u32,
    /// Bytes of the file after that which `chunk` holds, by the length it had when it was opened:
    /// they decide which chunk must be the last, so a wrong length shows as a wrong chunk.
    left: u64,
    /// Plaintext, from `given` on not given out yet.
    chunk: Vec<u8>,
    given: usize,
    /// After an error nothing is given out: the file's place is no longer that of `position`.
    failed: bool,
}

// === impl SpoolReader ===

impl SpoolReader {
    pub(super) fn open(path: &Path, key: &SpoolKey) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        if left < TAG as u64 {
            return Err(SpoolError::Altered.into());
        }
        Ok(Self {
            file,
            cipher: key.cipher(),
            position: 0,
            left,
            chunk: Vec::with_capacity(CHUNK + TAG),
            given: 0,
            failed: false,
        })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.given = 0;
        let length = self.left.min((CHUNK + TAG) as u64);
        let read = (&mut self.file).take(length).read_to_end(&mut self.chunk)?;
        let rest = self.left - length;
        let opened = self
            .cipher
            .decrypt_in_place(self.position, rest == 0, b"", &mut self.chunk);
        if read as u64 != length || opened.is_err() {
            return Err(SpoolError::Altered.into());
        }
        self.position += 1;
        self.left = rest;
        Ok(())
    }
}

impl Read for SpoolReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given == self.chunk.len() && self.left > 0 {
            if self.failed {
                return Err(io::Error::other("an earlier read failed"));
            }
            self.failed = true;
            self.next_chunk().inspect_err(|_| self.chunk.clear())?;
            self.failed = false;
        }
        let mut rest = self.chunk.get(self.given..).unwrap_or_default();
        let read = rest.read(buf)?;
        self.given += read;
        Ok(read)
    }
}

impl fmt::Debug for SpoolReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolReader")
            .field("position", &self.position)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
