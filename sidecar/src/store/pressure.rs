//! A small volume under constant traffic: above 80 % the oldest delivered goes, above 95 % nothing
//! new comes in. What is undelivered is never given up for room.
//!
//! The last 5 % are for state changes: a full store must still be able to note what it delivered,
//! or it could never get emptier.

use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::prune;
use super::sqlite::{self, PAGE};
use super::writer::Tx;

/// Prune above this share of the volume, in per cent …
const HIGH: u64 = 80;
/// … down to this one.
const LOW: u64 = 75;
/// Accept nothing above this one.
const FULL: u64 = 95;

/// Steps of pruning in one transaction: bounds how long the neighbours in it wait.
const STEPS: usize = 8;

/// Look at least after so many bytes taken in: others may write to the same file system.
const LOOK: u64 = 4 << 20;

/// Size taken for the volume where nobody can tell.
const UNKNOWN: u64 = 1 << 40;

/// Watches how full the volume is.
#[derive(Debug)]
pub(super) struct Pressure {
    path: PathBuf,
    limit: Option<u64>,
    volume: u64,
    /// Bytes taken in since the last look.
    unseen: u64,
    /// Nothing could be pruned up to this message; look behind it first.
    cursor: i64,
}

/// How full it is.
#[derive(Debug, Clone, Copy)]
struct Usage {
    used: u64,
    size: u64,
}

impl Usage {
    fn above(self, percent: u64) -> bool {
        u128::from(self.used) * 100 > u128::from(self.size) * u128::from(percent)
    }
}

impl Pressure {
    /// `limit`: bytes that the store may take; `None`: what the file system has left for it.
    pub(super) fn new(path: PathBuf, limit: Option<u64>) -> Self {
        let volume = limit
            .into_iter()
            .chain(available(&path))
            .min()
            .unwrap_or(UNKNOWN);
        Self {
            path,
            limit,
            volume,
            // Look at once.
            unseen: u64::MAX,
            cursor: 0,
        }
    }

    /// Size of the volume, bytes.
    pub(super) fn volume(&self) -> u64 {
        self.volume
    }

    /// Bytes of new messages in one transaction: it must fit into the log of a small volume.
    pub(super) fn batch_bytes(&self) -> usize {
        let bytes = (self.volume / 64).clamp(32 << 10, 2 << 20);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Makes room before `incoming` bytes go in; `Full` when there is none to make.
    pub(super) async fn relieve(&mut self, tx: &mut Tx, incoming: usize) -> Result<(), StoreError> {
        self.unseen = self.unseen.saturating_add(incoming as u64);
        if self.unseen < (self.volume / 256).min(LOOK) {
            return Ok(());
        }
        self.unseen = 0;
        let usage = self.prune(tx, STEPS).await?;
        if usage.above(FULL) {
            // Look again next time, whatever its size.
            self.unseen = u64::MAX;
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// Prunes what is done, oldest first, while the volume is too full.
    async fn prune(&mut self, tx: &mut Tx, steps: usize) -> Result<Usage, StoreError> {
        let mut usage = self.measure(tx).await?;
        if !usage.above(HIGH) {
            return Ok(usage);
        }
        for _ in 0..steps {
            let pruned = prune::oldest_done(tx).await?;
            if pruned == 0 && !self.prune_records(tx).await? {
                break;
            }
            usage = self.measure(tx).await?;
            if !usage.above(LOW) {
                break;
            }
        }
        Ok(usage)
    }

    /// One step through the records, oldest first; at the end it starts over. False: at the end.
    async fn prune_records(&mut self, tx: &mut Tx) -> Result<bool, StoreError> {
        let step = prune::records(tx, self.cursor, i64::MAX, prune::Spare::Undelivered).await?;
        self.cursor = step.last.unwrap_or_default();
        Ok(step.last.is_some())
    }

    /// The volume is what the store has and what is left for it: the files of others on the same
    /// file system are neither its burden nor its to make up for.
    async fn measure(&self, tx: &mut Tx) -> Result<Usage, StoreError> {
        let pages = tx.conn.pages().await?.unwrap_or_default();
        let log = std::fs::metadata(sqlite::log_path(&self.path)).map_or(0, |file| file.len());
        let own = pages.total * PAGE + log;
        let size = self
            .limit
            .into_iter()
            .chain(available(&self.path).map(|left| left.saturating_add(own)))
            .min()
            .unwrap_or(UNKNOWN);
        Ok(Usage {
            used: own.saturating_sub(pages.free * PAGE),
            size,
        })
    }
}

/// Bytes left on the file system that holds `path`.
fn available(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path.parent()?).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
