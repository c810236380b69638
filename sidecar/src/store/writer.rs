//! The one writer of a session's file: whatever is queued goes into one transaction and one fsync.
//!
//! A request is answered after the commit that holds it. Each runs under a savepoint, so that one
//! that fails takes nothing of its neighbours with it; a failed commit fails them all, wholly.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::accept;
use super::error::StoreError;
use super::model::Accepted;
use super::outbox;
use super::prepare::Row;
use super::pressure::Pressure;
use super::sqlite::{self, Numbers};
use crate::message::SessionKey;

/// Requests in one commit.
const BATCH_JOBS: usize = 512;

/// Without traffic for so long, caches are let go.
const IDLE: Duration = Duration::from_secs(5);

/// Where a request's answer goes.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Called once the fate of the commit is known.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What an operation works with: the connection inside the open transaction, and what it notes.
#[derive(Debug)]
pub(super) struct Tx {
    pub(super) conn: SqliteConnection,
    pub(super) session: SessionKey,
    pub(super) numbers: Numbers,
    /// A transfer may have become due.
    pub(super) transfers_changed: bool,
    /// A delivery may have become due, or an event is newly held.
    pub(super) outbox_changed: bool,
}

/// Wakes those who wait for work.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) transfers: Notify,
    pub(super) outbox: Notify,
    pub(super) holds: Notify,
}

/// A request to the writer.
pub(super) enum Job {
    /// New messages; all of one batch go in with the same few statements.
    Accept {
        rows: Vec<Row>,
        answer: Reply<Vec<Accepted>>,
    },
    /// A delivery that its endpoint has; all of one batch are noted with the same few statements.
    Delivered {
        id: i64,
        now: i64,
        answer: Reply<()>,
    },
    /// Anything else.
    Run(Box<dyn Task>),
    /// Give free pages back; runs outside of any transaction.
    Vacuum { pages: u32, answer: Reply<()> },
    /// Finish.
    Close(oneshot::Sender<()>),
}

/// An operation of any result type.
pub(super) trait Task: Send {
    /// Does it. The error, if any, is also in the answer: roll back to before this task.
    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, (Option<StoreError>, Answer)>;
    /// Answers without doing it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// An operation and who waits for it.
pub(super) struct Operation<F, T> {
    pub(super) act: F,
    pub(super) answer: Reply<T>,
}

impl<F, T> Task for Operation<F, T>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, (Option<StoreError>, Answer)> {
        Box::pin(async move {
            let result = (self.act)(tx).await;
            (
                result.as_ref().err().cloned(),
                answering(self.answer, result),
            )
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        // A caller that hung up needs no answer.
        drop(self.answer.send(Err(error)));
    }
}

/// Sends `result` once the commit succeeded, else the commit's error.
fn answering<T: Send + 'static>(to: Reply<T>, result: Result<T, StoreError>) -> Answer {
    Box::new(move |committed| {
        // A caller that hung up needs no answer.
        drop(to.send(committed.and(result)));
    })
}

/// The task that owns the writing connection.
pub(super) struct Writer {
    pub(super) tx: Tx,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) signals: Arc<Signals>,
    pub(super) pressure: Pressure,
    /// When caches are let go; `None`: they are.
    pub(super) idle_at: Option<Instant>,
}

/// The requests of one commit.
#[derive(Default)]
struct Batch {
    accepts: Vec<(Vec<Row>, Reply<Vec<Accepted>>)>,
    /// Delivery, time, and who asks.
    delivered: Vec<(i64, i64, Reply<()>)>,
    tasks: Vec<Box<dyn Task>>,
    vacuums: Vec<(u32, Reply<()>)>,
    close: Option<oneshot::Sender<()>>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, job: Job) {
        match job {
            Job::Accept { rows, answer } => {
                self.bytes += rows.iter().map(Row::bytes).sum::<usize>();
                self.accepts.push((rows, answer));
            }
            Job::Delivered { id, now, answer } => self.delivered.push((id, now, answer)),
            Job::Run(task) => self.tasks.push(task),
            Job::Vacuum { pages, answer } => self.vacuums.push((pages, answer)),
            Job::Close(answer) => self.close = Some(answer),
        }
    }

    /// Answers all that has not run with `error`.
    fn refuse(&mut self, error: &StoreError) {
        for (_, answer) in self.accepts.drain(..) {
            drop(answer.send(Err(error.clone())));
        }
        for (_, _, answer) in self.delivered.drain(..) {
            drop(answer.send(Err(error.clone())));
        }
        for task in self.tasks.drain(..) {
            task.refuse(error.clone());
        }
    }

    fn is_traffic(&self) -> bool {
        !self.accepts.is_empty() || !self.delivered.is_empty()
    }

    /// How many could fail apart from each other.
    fn parts(&self) -> usize {
        let accepts = usize::from(!self.accepts.is_empty());
        let delivered = usize::from(!self.delivered.is_empty());
        accepts + delivered + self.tasks.len()
    }
}

impl Writer {
    /// Works until the store is closed or its last handle is gone.
    pub(super) async fn run(mut self) {
        let closing = self.serve().await;
        // What is committed is on disk; a failed close only leaves the log for the next start.
        drop(self.tx.conn.close().await);
        if let Some(answer) = closing {
            // Whoever asked may have hung up.
            let _ = answer.send(());
        }
    }

    async fn serve(&mut self) -> Option<oneshot::Sender<()>> {
        while let Some(job) = self.next().await {
            let mut batch = self.gather(job);
            if batch.is_traffic() {
                self.idle_at = Some(Instant::now() + IDLE);
            }
            let vacuums = std::mem::take(&mut batch.vacuums);
            let close = batch.close.take();
            self.write(batch).await;
            for (pages, answer) in vacuums {
                let result = sqlite::vacuum(&mut self.tx.conn, pages).await;
                drop(answer.send(result));
            }
            if close.is_some() {
                return close;
            }
        }
        None
    }

    /// The next request. A while after the last traffic, the memory that it needed is let go;
    /// health checks and timers are no traffic.
    async fn next(&mut self) -> Option<Job> {
        if let Some(idle) = self.idle_at {
            if let Ok(job) = tokio::time::timeout_at(idle, self.jobs.recv()).await {
                return job;
            }
            self.idle_at = None;
            if let Err(error) = sqlite::let_go(&mut self.tx.conn).await {
                tracing::warn!(%error, "the store keeps its caches");
            }
        }
        self.jobs.recv().await
    }

    /// What is queued now, within bounds.
    fn gather(&mut self, first: Job) -> Batch {
        let mut batch = Batch::default();
        batch.add(first);
        for _ in 1..BATCH_JOBS {
            if batch.bytes >= self.pressure.batch_bytes() || batch.close.is_some() {
                break;
            }
            let Ok(job) = self.jobs.try_recv() else { break };
            batch.add(job);
        }
        batch
    }

    /// One transaction; then everybody is answered and woken.
    async fn write(&mut self, mut batch: Batch) {
        let mut answers = Vec::new();
        let result = self.transact(&mut batch, &mut answers).await;
        if let Err(error) = &result {
            batch.refuse(error);
            // Without a transaction (a full disk may have ended it already) this fails, harmlessly.
            drop(self.execute("ROLLBACK").await);
        }
        for answer in answers {
            answer(result.clone());
        }
        self.wake();
    }

    async fn transact(
        &mut self,
        batch: &mut Batch,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        if batch.parts() == 0 {
            return Ok(());
        }
        self.execute("BEGIN IMMEDIATE").await?;
        // Alone in its transaction, nobody needs a savepoint.
        let apart = batch.parts() > 1;
        self.accept(batch, apart, answers).await?;
        self.note_delivered(batch, apart, answers).await?;
        for task in std::mem::take(&mut batch.tasks) {
            self.enter(apart).await?;
            let (error, answer) = task.run(&mut self.tx).await;
            answers.push(answer);
            self.leave(apart, error).await?;
        }
        self.execute("COMMIT").await
    }

    /// All messages of the batch, as one list.
    async fn accept(
        &mut self,
        batch: &mut Batch,
        apart: bool,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        if batch.accepts.is_empty() {
            return Ok(());
        }
        if let Err(full) = self.pressure.relieve(&mut self.tx, batch.bytes).await {
            for (_, answer) in batch.accepts.drain(..) {
                drop(answer.send(Err(full.clone())));
            }
            return Ok(());
        }
        let mut rows = Vec::new();
        let mut senders = Vec::new();
        for (mut part, sender) in batch.accepts.drain(..) {
            senders.push((part.len(), sender));
            rows.append(&mut part);
        }
        self.enter(apart).await?;
        let result = accept::accept(&mut self.tx, rows).await;
        let error = result.as_ref().err().cloned();
        let mut accepted = result.map(Vec::into_iter);
        for (count, sender) in senders {
            let part = match &mut accepted {
                Ok(all) => Ok(all.by_ref().take(count).collect()),
                Err(error) => Err(error.clone()),
            };
            answers.push(answering(sender, part));
        }
        self.leave(apart, error).await
    }

    /// All deliveries of the batch that arrived.
    async fn note_delivered(
        &mut self,
        batch: &mut Batch,
        apart: bool,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        let Some(now) = batch.delivered.iter().map(|(_, now, _)| *now).max() else {
            return Ok(());
        };
        let ids: Vec<i64> = batch.delivered.iter().map(|(id, _, _)| *id).collect();
        self.enter(apart).await?;
        let result = outbox::finish(&mut self.tx, &ids, None, now).await;
        for (_, _, sender) in batch.delivered.drain(..) {
            answers.push(answering(sender, result.clone()));
        }
        self.leave(apart, result.err()).await
    }

    async fn enter(&mut self, apart: bool) -> Result<(), StoreError> {
        if apart {
            self.execute("SAVEPOINT part").await?;
        }
        Ok(())
    }

    /// Ends a part. An error that can't be undone alone is the whole batch's error.
    async fn leave(&mut self, apart: bool, error: Option<StoreError>) -> Result<(), StoreError> {
        match error {
            Some(error) if !apart => return Err(error),
            Some(error) => self.execute("ROLLBACK TO part").await.map_err(|_| error)?,
            None => {}
        }
        if apart {
            self.execute("RELEASE part").await?;
        }
        Ok(())
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut self.tx.conn).await?;
        Ok(())
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.tx.transfers_changed) {
            self.signals.transfers.notify_one();
        }
        if std::mem::take(&mut self.tx.outbox_changed) {
            self.signals.outbox.notify_one();
            self.signals.holds.notify_one();
        }
    }
}
