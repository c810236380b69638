//! The lock on a data directory: one process at a time opens its stores.
//!
//! `Recreate` does not prevent two pods after a deletion, so the second one waits here, not ready.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::StoreError;

/// Name of the lock file in the data directory. It stays there; the lock is on the open file and
/// dies with the process, however that ends.
const FILE: &str = "lock";

/// Pause between two tries.
const RETRY: Duration = Duration::from_millis(200);

/// Holds the exclusive lock until dropped.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Waits until no other process holds the directory. Creates the directory if need be.
    pub async fn acquire(directory: &Path) -> Result<Self, StoreError> {
        loop {
            if let Some(lock) = Self::try_acquire(directory)? {
                return Ok(lock);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Takes the lock, or answers `None` at once when somebody else has it.
    pub fn try_acquire(directory: &Path) -> Result<Option<Self>, StoreError> {
        fs::create_dir_all(directory)
            .map_err(|error| StoreError::io("create the data directory", error))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(FILE))
            .map_err(|error| StoreError::io("open the lock file", error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(StoreError::io(
                "lock the data directory",
                io::Error::from(error),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataDirLock::try_acquire(directory.path()).unwrap();
        assert!(first.is_some());
        assert!(
            DataDirLock::try_acquire(directory.path())
                .unwrap()
                .is_none()
        );
        drop(first);
        assert!(
            DataDirLock::try_acquire(directory.path())
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn acquire_waits_for_the_holder() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataDirLock::acquire(directory.path()).await.unwrap();
        let mut second = std::pin::pin!(DataDirLock::acquire(directory.path()));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_ok());
    }
}
