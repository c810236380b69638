//! The one writer of a session's file, and in each replica the one that writes to its database:
//! whatever is queued goes into one transaction and one fsync.
//!
//! A request is answered after the commit that holds it. Each runs under a savepoint, so that one
//! that fails takes nothing of its neighbours with it; a failed commit fails them all, wholly.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::accept;
use super::conn::{Begun, Conn};
use super::error::StoreError;
use super::job::{Answer, Job, Reply, Task, answering};
use super::model::Accepted;
use super::numbers::Numbers;
use super::outbox;
use super::prepare::Row;
use super::pressure::Pressure;
use super::sqlite;
use crate::message::SessionKey;

/// Requests in one commit.
const BATCH_JOBS: usize = 512;

/// Bytes of new messages in one commit, where no volume bounds them.
const BATCH_BYTES: usize = 2 << 20;

/// Without traffic for so long, caches are let go.
const IDLE: Duration = Duration::from_secs(5);

/// What an operation works with: the connection inside the open transaction, and what it notes.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each wakes others")]
pub(super) struct Tx {
    pub(super) conn: Conn,
    pub(super) session: SessionKey,
    pub(super) numbers: Numbers,
    /// Which replica this is, under an id that no other process and no other start has; `None`:
    /// there is none but this one.
    pub(super) owner: Option<Arc<str>>,
    /// The database's clock at the beginning of the transaction, where leases go by it.
    pub(super) clock: Option<i64>,
    /// A transfer may have become due.
    pub(super) transfers_changed: bool,
    /// A delivery may have become due, or an event is newly held.
    pub(super) outbox_changed: bool,
    /// A message to send may have become due.
    pub(super) sends_changed: bool,
    /// The phone is to be asked for a file, or may be for another.
    pub(super) questions_changed: bool,
}

impl Tx {
    pub(super) fn new(
        conn: Conn,
        session: &SessionKey,
        numbers: Numbers,
        owner: Option<Arc<str>>,
    ) -> Self {
        Self {
            conn,
            session: session.clone(),
            numbers,
            owner,
            clock: None,
            transfers_changed: false,
            outbox_changed: false,
            sends_changed: false,
            questions_changed: false,
        }
    }
}

/// Wakes those who wait for work.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) transfers: Notify,
    pub(super) outbox: Notify,
    pub(super) holds: Notify,
    pub(super) sends: Notify,
    pub(super) questions: Notify,
}

/// The task that owns the writing connection.
pub(super) struct Writer {
    pub(super) tx: Tx,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) signals: Arc<Signals>,
    /// How full the volume is; `None`: the database has no volume of ours.
    pub(super) pressure: Option<Pressure>,
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
        self.tx.conn.close().await;
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
                let result = match &mut self.tx.conn {
                    Conn::Sqlite(conn) => sqlite::vacuum(conn, pages).await,
                    Conn::Postgres(_) => Ok(()),
                };
                // A caller that hung up needs no answer.
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
            if let Conn::Sqlite(conn) = &mut self.tx.conn
                && let Err(error) = sqlite::let_go(conn).await
            {
                tracing::warn!(%error, "the store keeps its caches");
            }
        }
        self.jobs.recv().await
    }

    /// What is queued now, within bounds.
    fn gather(&mut self, first: Job) -> Batch {
        let mut batch = Batch::default();
        batch.add(first);
        let most = self
            .pressure
            .as_ref()
            .map_or(BATCH_BYTES, Pressure::batch_bytes);
        for _ in 1..BATCH_JOBS {
            if batch.bytes >= most || batch.close.is_some() {
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
            self.tx.conn.roll_back().await;
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
        if let Some(Begun { clock, numbers }) = self.tx.conn.begin().await? {
            self.tx.clock = Some(clock);
            self.tx.numbers = numbers;
        }
        // Alone in its transaction, nobody needs a savepoint.
        let apart = batch.parts() > 1;
        self.accept(batch, apart, answers).await?;
        self.note_delivered(batch, apart, answers).await?;
        for task in std::mem::take(&mut batch.tasks) {
            if let Err(full) = self.make_room(task.incoming()).await {
                task.refuse(full);
                continue;
            }
            self.enter(apart).await?;
            let (error, answer) = task.run(&mut self.tx).await;
            answers.push(answer);
            self.leave(apart, error).await?;
        }
        self.tx.conn.execute("COMMIT").await
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
        if let Err(full) = self.make_room(batch.bytes).await {
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

    /// Makes room for `incoming` bytes, where there are any and a volume bounds them.
    async fn make_room(&mut self, incoming: usize) -> Result<(), StoreError> {
        match &mut self.pressure {
            Some(pressure) if incoming > 0 => pressure.relieve(&mut self.tx, incoming).await,
            _ => Ok(()),
        }
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
            self.tx.conn.execute("SAVEPOINT part").await?;
        }
        Ok(())
    }

    /// Ends a part. An error that can't be undone alone is the whole batch's error.
    async fn leave(&mut self, apart: bool, error: Option<StoreError>) -> Result<(), StoreError> {
        match error {
            Some(error) if !apart => return Err(error),
            Some(error) => self
                .tx
                .conn
                .execute("ROLLBACK TO part")
                .await
                .map_err(|_| error)?,
            None => {}
        }
        if apart {
            self.tx.conn.execute("RELEASE part").await?;
        }
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
        if std::mem::take(&mut self.tx.sends_changed) {
            self.signals.sends.notify_one();
        }
        if std::mem::take(&mut self.tx.questions_changed) {
            self.signals.questions.notify_one();
        }
    }
}
