//! Records of messages and media, and the outbox, in a SQLite file or in a Postgres that replicas share.
//!
//! # Layout
//!
//! `writer` puts what is queued into one transaction and one fsync. `accept` (with `prepare`, `insert`, `redelivery`)
//! takes messages in, `queue` moves files from queued to stored or failed, `event` decides when events come about
//! (`announce` writes them, `command` answers calls by them), `retry` and `forget` do what a caller asks of a record,
//! `phone` and `phone_answer` what the phone is asked for, `history` queues what it offers, `sends` what is to be sent;
//! `claim`, `outbox` and `lane` say who gets events when, `dead_letter` and `replay` what was given up or is to go again,
//! `prune` and `pressure` what goes. `sql` runs one text on either database (`conn`); the rest is one's own.
//!
//! # Invariants
//!
//! - What a call answered is on the disk: `synchronous=FULL`, answers after the commit.
//! - An event comes about, or is released, in the transaction of the state that caused it.
//! - The same event has the same id, whoever makes it, however often.
//! - Nothing undelivered is ever removed to make room.

mod accept;
mod announce;
mod backup;
mod claim;
mod command;
mod conn;
mod database_url;
mod dead_letter;
mod depths;
mod error;
mod event;
mod forget;
mod history;
mod ids;
mod insert;
mod job;
mod lane;
mod lease;
pub mod lock;
mod media;
mod model;
mod notice;
mod numbers;
mod outbox;
mod page;
mod phone;
mod phone_answer;
mod postgres;
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
mod sends;
mod sql;
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
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, oneshot};

pub use backup::{backup, stream_backup};
pub use command::NewCommand;
pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use dead_letter::{DeadLetter, DeadLetterFilter, DeadLetters};
pub use error::StoreError;
pub use forget::Forgotten;
pub use history::HistoryChunk;
pub use lease::RENEW_EVERY;
pub use model::{
    Accepted, Delivery, Depths, EventRow, MediaError, MediaFilter, MediaRecord, MediaStatus,
    NewMedia, NewMessage, Outcome, Page, Phone, StoreLimits, Stored,
};
pub use notice::Notice;
pub use phone::LONGEST_QUESTION;
pub use phone_answer::PhoneAnswer;
pub use postgres::Database;
pub use prune::Pruned;
pub use replay::{Audience, Replay, Replayed, ReplayedEvents, Wanting};
pub use seal::{SealError, SealKey};
pub use sends::{Asked, ClaimedSend, Dispatch, NewSend, Progress, SendError, Sent};

use crate::message::SessionKey;
use conn::Conn;
use job::{Job, Operation};
use lease::{Held, Replicas};
use numbers::Numbers;
use postgres::Link;
use pressure::Pressure;
use writer::{Signals, Tx, Writer};

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
    reader: Mutex<Conn>,
    /// `None`: a file, which no other process works on.
    replicas: Option<Replicas>,
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
        let mut file = sqlite::open_writer(path, pressure.volume()).await?;
        sqlite::migrate(&mut file).await?;
        let mut conn = Conn::Sqlite(file);
        let numbers = Numbers::load(&mut conn).await?;
        let reader = Conn::Sqlite(sqlite::open_reader(path).await?);
        let signals = Arc::default();
        let tx = Tx::new(conn, &session, numbers, None);
        let jobs = spawn(tx, &signals, Some(pressure));
        Ok(Self::of(session, seal, jobs, reader, signals, None))
    }

    /// Opens the store of `session` in `database`, migrates it as needed. Other sessions and other
    /// replicas of this one may use the database too.
    pub async fn open_postgres(
        database: &Database,
        session: SessionKey,
        seal: Option<SealKey>,
    ) -> Result<Self, StoreError> {
        database.migrate().await?;
        let writer = Conn::Postgres(Link::open(database, Some(&session)).await?);
        let claimer = Conn::Postgres(Link::open(database, None).await?);
        let reader = Conn::Postgres(Link::open(database, None).await?);
        let signals = Arc::default();
        let owner: Arc<str> = hex::encode(rand::random::<[u8; 16]>()).into();
        let open = |conn| {
            // Each transaction that takes the session's lock gets numbers of its own.
            let tx = Tx::new(conn, &session, Numbers::block(0), Some(owner.clone()));
            spawn(tx, &signals, None)
        };
        let (jobs, claims) = (open(writer), open(claimer));
        let replicas = Replicas {
            claims,
            database: database.clone(),
            held: Held::default(),
        };
        Ok(Self::of(
            session,
            seal,
            jobs,
            reader,
            signals,
            Some(replicas),
        ))
    }

    fn of(
        session: SessionKey,
        seal: Option<SealKey>,
        jobs: mpsc::Sender<Job>,
        reader: Conn,
        signals: Arc<Signals>,
        replicas: Option<Replicas>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                session,
                jobs,
                reader: Mutex::new(reader),
                replicas,
                signals,
                seal: RwLock::new(seal.map(Arc::new)),
            }),
        }
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

    /// Takes other credentials for the same database from now on: the mounted Secret changed.
    /// Connections that work are kept.
    pub fn set_database_url(&self, url: DatabaseUrl) {
        if let Some(replicas) = &self.shared.replicas {
            replicas.database.set_url(url);
        }
    }

    /// Finishes what is queued and closes the file, or the connections that write; other replicas get
    /// what this one claimed and did not finish.
    pub async fn close(&self, now: Timestamp) -> Result<(), StoreError> {
        if let Some(replicas) = &self.shared.replicas {
            close(&replicas.claims).await?;
            if let Err(error) = self.release_leases(now).await {
                tracing::warn!(session = %self.session(), %error, "leases are left to run out");
            }
        }
        close(&self.shared.jobs).await
    }

    /// Runs `act` in the writer's next transaction, under its own savepoint.
    async fn write<F, T>(&self, act: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        run_on(&self.shared.jobs, 0, act).await
    }

    /// Like [`Self::write`], for what adds about `incoming` bytes: `Full` when there is no room.
    async fn take_in<F, T>(&self, incoming: usize, act: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        run_on(&self.shared.jobs, incoming, act).await
    }

    /// Runs `act`, which claims work. On Postgres it goes past the session's lock: rows may change
    /// before and after it, and `act` must lock what it claims.
    async fn claim<F, T>(&self, act: F) -> Result<T, StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let own = self.shared.replicas.as_ref();
        run_on(
            own.map_or(&self.shared.jobs, |replicas| &replicas.claims),
            0,
            act,
        )
        .await
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

    async fn reader(&self) -> Result<MutexGuard<'_, Conn>, StoreError> {
        let mut reader = self.shared.reader.lock().await;
        reader.ready().await?;
        Ok(reader)
    }

    fn seal(&self) -> Option<Arc<SealKey>> {
        self.shared
            .seal
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Starts the task that works on `tx`. Answers where its requests go.
fn spawn(tx: Tx, signals: &Arc<Signals>, pressure: Option<Pressure>) -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let writer = Writer {
        tx,
        jobs: queue,
        signals: Arc::clone(signals),
        pressure,
        idle_at: None,
    };
    tokio::spawn(writer.run());
    jobs
}

async fn run_on<F, T>(jobs: &mpsc::Sender<Job>, incoming: usize, act: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job = Job::Run(Box::new(Operation {
        incoming,
        act,
        answer,
    }));
    jobs.send(job).await.map_err(|_| StoreError::Closed)?;
    answered.await.map_err(|_| StoreError::Closed)?
}

async fn close(jobs: &mpsc::Sender<Job>) -> Result<(), StoreError> {
    let (answer, answered) = oneshot::channel();
    let job = Job::Close(answer);
    jobs.send(job).await.map_err(|_| StoreError::Closed)?;
    answered.await.map_err(|_| StoreError::Closed)
}

/// A duration in the unit of time columns.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A size as a column or bound has it.
fn bound(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
