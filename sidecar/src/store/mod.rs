//! Records of messages and media, and the outbox: one SQLite file per session.
//!
//! # Layout
//!
//! `writer` puts what is queued into one transaction and one fsync. `accept` (with `prepare`,
//! `insert`, `redelivery`) takes messages in, `queue` moves files from queued to stored or failed,
//! `event` decides when events come about (`command` those that answer a call), `retry` and
//! `forget` do what a caller asks of a record, `outbox` and `lane` who gets them when,
//! `dead_letter` and `replay` what was given up or is to go again, `prune` and
//! `pressure` what goes. `sqlite` has all that is SQLite's own.
//!
//! # Invariants
//!
//! - What a call answered is on the disk: `synchronous=FULL`, answers after the commit.
//! - An event comes about, or is released, in the transaction of the state that caused it.
//! - The same event has the same id, whoever makes it, however often.
//! - Nothing undelivered is ever removed to make room.

mod accept;
mod command;
mod dead_letter;
mod depths;
mod error;
mod event;
mod forget;
mod ids;
mod insert;
mod lane;
pub mod lock;
mod media;
mod model;
mod outbox;
mod prepare;
mod pressure;
mod prune;
mod queue;
mod read;
mod redelivery;
mod reference;
mod replay;
mod retry;
mod rows;
mod seal;
mod sqlite;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, oneshot};

pub use command::NewCommand;
pub use dead_letter::{DeadLetter, DeadLetterFilter, DeadLetters};
pub use error::StoreError;
pub use forget::Forgotten;
pub use model::{
    Accepted, Delivery, Depths, EventRow, MediaError, MediaFilter, MediaRecord, MediaStatus,
    NewMedia, NewMessage, Outcome, Page, StoreLimits, Stored,
};
pub use prune::Pruned;
pub use replay::{Audience, Replay, Replayed, ReplayedEvents, Wanting};
pub use seal::{SealError, SealKey};

use crate::message::SessionKey;
use pressure::Pressure;
use writer::{Job, Operation, Signals, Tx, Writer};

/// How long an event may delay the later ones of its chat: held for its media, or retried.
pub const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// Requests queued for the writer before callers wait.
const QUEUE: usize = 1024;

/// A session's store. Cheap to clone; the file closes with the last clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    session: SessionKey,
    jobs: mpsc::Sender<Job>,
    reader: Mutex<SqliteConnection>,
    signals: Arc<Signals>,
    seal: RwLock<Option<Arc<SealKey>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("session", &self.shared.session)
            .finish_non_exhaustive()
    }
}

// === impl Store ===

impl Store {
    /// Opens the store of `session` at `path`, creates and migrates it as needed. The caller holds
    /// the [`lock`] of the data directory.
    pub async fn open(
        path: &Path,
        session: SessionKey,
        seal: Option<SealKey>,
        limits: StoreLimits,
    ) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|error| StoreError::io("create the store's directory", error))?;
        }
        let pressure = Pressure::new(path.to_owned(), limits.volume_bytes);
        let mut conn = sqlite::open_writer(path, pressure.volume()).await?;
        sqlite::migrate(&mut conn).await?;
        let numbers = sqlite::Numbers::load(&mut conn).await?;
        let reader = sqlite::open_reader(path).await?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let signals = Arc::new(Signals::default());
        let writer = Writer {
            tx: Tx {
                conn,
                session: session.clone(),
                numbers,
                transfers_changed: false,
                outbox_changed: false,
            },
            jobs: queue,
            signals: Arc::clone(&signals),
            pressure,
            idle_at: None,
        };
        tokio::spawn(writer.run());
        Ok(Self {
            shared: Arc::new(Shared {
                session,
                jobs,
                reader: Mutex::new(reader),
                signals,
                seal: RwLock::new(seal.map(Arc::new)),
            }),
        })
    }

    /// Keeps new messages, in their order; on disk when it answers. A redelivery finds its own
    /// record (design §4.2). `Full`: no room, nothing was kept; the caller answers 503.
    pub async fn accept(
        &self,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<Vec<Accepted>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let seal = self.seal();
        let now = now.as_millisecond();
        let rows = messages
            .into_iter()
            .map(|message| prepare::prepare(self.session(), seal.as_deref(), message, now))
            .collect::<Result<_, _>>()?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Accept { rows, answer }).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Notified when an event may be newly held. One task waits on each notifier: a notification
    /// wakes one waiter, and is kept for it when it is busy.
    #[must_use]
    pub fn holds_changed(&self) -> &Notify {
        &self.shared.signals.holds
    }

    /// The session whose store this is.
    #[must_use]
    pub fn session(&self) -> &SessionKey {
        &self.shared.session
    }

    /// Notified when a transfer may have become due.
    #[must_use]
    pub fn transfers_changed(&self) -> &Notify {
        &self.shared.signals.transfers
    }

    /// Notified when a delivery may have become due, or an event is newly held.
    #[must_use]
    pub fn outbox_changed(&self) -> &Notify {
        &self.shared.signals.outbox
    }

    /// Takes other store keys from now on: the mounted Secret changed.
    pub fn set_seal(&self, seal: Option<SealKey>) {
        let mut current = self
            .shared
            .seal
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = seal.map(Arc::new);
    }

    /// Finishes what is queued and closes the file.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Close(answer)).await?;
        answered.await.map_err(|_| StoreError::Closed)
    }

    /// Runs `act` in the writer's next transaction, under its own savepoint.
    async fn write<F, T>(&self, act: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Run(Box::new(Operation { act, answer })))
            .await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn vacuum(&self, pages: u32) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Vacuum { pages, answer }).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        self.shared
            .jobs
            .send(job)
            .await
            .map_err(|_| StoreError::Closed)
    }

    async fn reader(&self) -> MutexGuard<'_, SqliteConnection> {
        self.shared.reader.lock().await
    }

    fn seal(&self) -> Option<Arc<SealKey>> {
        self.shared
            .seal
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A duration in the unit of time columns.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A size as a column or bound has it.
fn bound(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
