//! How much of a volume files waiting to be sent may take.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::SpoolError;

/// Bytes that may be written, and those that are.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    used: AtomicU64,
}

/// A quarter of a volume: of `volume_bytes` where its size is known, else of the file system that
/// `dir` is on (on a shared disk that is larger than what the session was given).
pub fn quarter_of_volume(dir: &Path, volume_bytes: Option<u64>) -> io::Result<u64> {
    let volume = if let Some(bytes) = volume_bytes {
        bytes
    } else {
        let found = rustix::fs::statvfs(dir)?;
        found.f_blocks.saturating_mul(found.f_frsize)
    };
    Ok(volume / 4)
}

// === impl Room ===

impl Room {
    pub(super) const fn new(limit: u64, used: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(used),
        }
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes room before it is written to, so that writers together never go over the limit.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), SpoolError> {
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map(|_| ())
            .map_err(|_| SpoolError::Full)
    }

    pub(super) fn release(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // Never fails: `less` always has an answer.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}
