//! Reads a file back. A chunk's bytes are given out only after the chunk has proved itself.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use aead_stream::StreamPrimitive;

use super::{CHUNK, Cipher, SpoolError, SpoolKey, TAG};

/// Bytes of the file that a full chunk takes.
const SEALED: u64 = (CHUNK + TAG) as u64;

/// The plaintext of a finished file. What was altered, cut off or added to is an error of kind
/// [`io::ErrorKind::InvalidData`] from [`Read::read`], which comes before the first byte of the
/// chunk that it is in. What is skipped by [`Seek`] is not read.
pub struct SpoolReader {
    file: File,
    cipher: Cipher,
    /// Number of the next chunk.
    position: u32,
    /// Bytes of the file after that which `chunk` holds, by the length it had when it was opened:
    /// they decide which chunk must be the last, so a wrong length shows as a wrong chunk.
    left: u64,
    /// Bytes of the file by that length.
    length: u64,
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
        let length = file.metadata()?.len();
        if length < TAG as u64 {
            return Err(SpoolError::Altered.into());
        }
        Ok(Self {
            file,
            cipher: key.cipher(),
            position: 0,
            left: length,
            length,
            chunk: Vec::with_capacity(CHUNK + TAG),
            given: 0,
            failed: false,
        })
    }

    /// Bytes of plaintext.
    #[must_use]
    pub const fn length(&self) -> u64 {
        let tags = self.length.div_ceil(SEALED) * TAG as u64;
        self.length.saturating_sub(tags)
    }

    /// The byte that comes next.
    fn place(&self) -> u64 {
        let chunk = u64::from(self.position.saturating_sub(1));
        chunk * CHUNK as u64 + self.given as u64
    }

    /// Goes to the chunk that has byte `place`, or to the last one.
    fn open_chunk_of(&mut self, place: u64) -> io::Result<()> {
        let last = self.length.saturating_sub(1) / SEALED;
        let chunk = (place / CHUNK as u64).min(last);
        let start = chunk * SEALED;
        self.file.seek(SeekFrom::Start(start))?;
        self.position = u32::try_from(chunk).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.left = self.length - start;
        self.next_chunk()?;
        let given = usize::try_from(place - chunk * CHUNK as u64).unwrap_or(usize::MAX);
        self.given = given.min(self.chunk.len());
        Ok(())
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.given = 0;
        let length = self.left.min(SEALED);
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

impl Seek for SpoolReader {
    /// A place behind the end is the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(place) => (place, 0),
            SeekFrom::End(by) => (self.length(), by),
            SeekFrom::Current(by) => (self.place(), by),
        };
        let place = from.checked_add_signed(by);
        let place = place.ok_or(io::ErrorKind::InvalidInput)?.min(self.length());
        if self.failed {
            return Err(io::Error::other("an earlier read failed"));
        }
        self.failed = true;
        self.open_chunk_of(place)
            .inspect_err(|_| self.chunk.clear())?;
        self.failed = false;
        Ok(place)
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
