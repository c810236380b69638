//! Files waiting to be sent, on the session's volume, as ciphertext only.
//!
//! A file lies under its id, encrypted under a key that is made for it and kept in its row: with
//! the row, the file is gone too, whatever the disk still holds. The construction is STREAM with
//! AES-256-GCM over chunks of 64 KiB, each chunk authenticated with its place and whether it is
//! the last one. Its nonce starts at zero, because a key never encrypts a second file.
//!
//! All of it blocks.

mod key;
mod reader;
mod room;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aead_stream::StreamBE32;
use aes_gcm::Aes256Gcm;

pub use self::key::SpoolKey;
pub use self::reader::SpoolReader;
use self::room::Room;
pub use self::room::quarter_of_volume;
pub use self::writer::{SpoolWriter, Spooled};

/// Bytes of plaintext in every chunk but the last.
const CHUNK: usize = 64 << 10;
/// Bytes of GCM's tag after each chunk.
const TAG: usize = 16;

type Cipher = StreamBE32<Aes256Gcm>;

/// Why a file can't be kept or had back.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Waiting files have all the room they may have, or the volume is full.
    #[error("there is no room for more files waiting to be sent")]
    Full,
    /// The file is not what was written: altered, cut off, or under another key.
    #[error("a file waiting to be sent was altered")]
    Altered,
    /// Any other failure of the disk.
    #[error("the files waiting to be sent")]
    Io(#[source] io::Error),
}

/// The folder of one session's files waiting to be sent. Clones share their room.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: Arc<Path>,
    room: Arc<Room>,
}

// === impl Spool ===

impl Spool {
    /// Opens the folder, makes it when it is not there, and sweeps it: only files named in `keep`
    /// stay. All files together may take `limit` bytes (see [`quarter_of_volume`]); nothing else
    /// may be in the folder or put files there.
    pub fn open(dir: &Path, limit: u64, keep: &HashSet<String>) -> Result<Self, SpoolError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(dir)?;
        // The folder's own name must survive a crash as its files' names do.
        if let Some(parent) = dir.parent().filter(|parent| parent.is_dir()) {
            fs::File::open(parent)?.sync_all()?;
        }
        let used = sweep(dir, keep)?;
        Ok(Self {
            dir: dir.into(),
            room: Arc::new(Room::new(limit, used)),
        })
    }

    /// A new file. Its id must be new too; it is the file's name: letters, digits, `-` and `_`.
    /// `key` must have encrypted nothing before.
    pub fn create(&self, id: &str, key: &SpoolKey) -> Result<SpoolWriter, SpoolError> {
        let path = self.path(id)?;
        Ok(SpoolWriter::create(path, key, Arc::clone(&self.room))?)
    }

    /// The plaintext of a finished file.
    pub fn read(&self, id: &str, key: &SpoolKey) -> Result<SpoolReader, SpoolError> {
        Ok(SpoolReader::open(&self.path(id)?, key)?)
    }

    /// Removes a finished file, if it is there, and gives its room back.
    pub fn remove(&self, id: &str) -> Result<(), SpoolError> {
        let path = self.path(id)?;
        let removed = fs::metadata(&path).and_then(|found| {
            fs::remove_file(&path)?;
            Ok(found.len())
        });
        match removed {
            Ok(length) => self.room.release(length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Bytes that files take now.
    #[cfg(test)]
    fn used(&self) -> u64 {
        self.room.used()
    }

    fn path(&self, id: &str) -> io::Result<PathBuf> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if id.is_empty() || id.len() > 128 || !id.bytes().all(plain) {
            return Err(io::Error::from(io::ErrorKind::InvalidFilename));
        }
        Ok(self.dir.join(id))
    }
}

/// Removes every file that is not in `keep`; the bytes of those that stay.
fn sweep(dir: &Path, keep: &HashSet<String>) -> io::Result<u64> {
    let mut used = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let found = entry.metadata()?;
        if !found.is_file() {
            continue;
        }
        if entry
            .file_name()
            .to_str()
            .is_some_and(|id| keep.contains(id))
        {
            used += found.len();
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(used)
}

// === impl SpoolError ===

/// What the reader and the writer mean comes through `io::Error`, as [`io::Write`] and
/// [`io::Read`] have no other.
impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.downcast::<Self>() {
            Ok(known) => known,
            Err(error) if matches!(error.kind(), StorageFull | QuotaExceeded) => Self::Full,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<SpoolError> for io::Error {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full => Self::new(io::ErrorKind::QuotaExceeded, error),
            SpoolError::Altered => Self::new(io::ErrorKind::InvalidData, error),
            SpoolError::Io(error) => error,
        }
    }
}
