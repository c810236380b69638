//! The lock on the data directory: one process at a time holds the device.
//!
//! Two processes with one device's keys would throw each other out and spoil its sessions for good. A pod that replaces
//! another can start before that one is gone, so the second one waits here.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Name of the lock file. It stays there; the lock is on the open file and dies with the process, however that ends.
const FILE: &str = "whatsapp.lock";

/// Pause between two tries.
const RETRY: Duration = Duration::from_millis(100);

/// Holds the exclusive lock until dropped.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Waits until no other process holds the directory. Creates the directory if need be.
    pub(crate) async fn acquire(directory: &Path) -> io::Result<Self> {
        let mut told = false;
        loop {
            if let Some(lock) = Self::try_acquire(directory)? {
                return Ok(lock);
            }
            if !told {
                tracing::info!("another process holds the device; waiting for it");
                told = true;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Takes the lock, or answers `None` at once when somebody else has it.
    fn try_acquire(directory: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(directory)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join(FILE))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let directory = tempfile::tempdir().unwrap();
        let take = || DataDirLock::try_acquire(directory.path()).unwrap();
        let first = take();
        assert!(first.is_some());
        assert!(take().is_none());
        drop(first);
        assert!(take().is_some());
    }
}
