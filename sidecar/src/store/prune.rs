//! What the store lets go: delivered events after a week, records after the session's retention.

use std::time::Duration;

use jiff::Timestamp;

use super::announce::NO_MESSAGE;
use super::error::StoreError;
use super::writer::Tx;
use super::{Store, millis, postgres, rows, sends, sql};

/// How long a delivered event is kept.
const KEEP_DELIVERED: Duration = Duration::from_hours(7 * 24);

/// Rows of one step: each step is its own transaction, so that nobody waits long behind it.
const STEP: i64 = 256;

/// Give pages back when more than one in this many is free: fewer are soon used again.
const FREE_SHARE: u64 = 4;

/// Pages given back in one go.
const VACUUM_PAGES: u32 = 2048;

/// What [`Store::prune`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Delivered events.
    pub events: u64,
    /// Messages with their media records.
    pub records: u64,
}

impl Store {
    /// Removes delivered events older than seven days and records older than `retention` of which
    /// nothing is pending, and gives free pages back; Postgres is helped to count its rows instead.
    pub async fn prune(&self, now: Timestamp, retention: Duration) -> Result<Pruned, StoreError> {
        let now = now.as_millisecond();
        let mut pruned = Pruned::default();
        let delivered = now.saturating_sub(millis(KEEP_DELIVERED.min(retention)));
        loop {
            let events = self
                .write(move |tx| Box::pin(async move { done_before(tx, delivered).await }))
                .await?;
            pruned.events += events;
            if events == 0 {
                break;
            }
        }
        while self
            .write(move |tx| Box::pin(async move { sends::prune(tx, delivered).await }))
            .await?
            > 0
        {}
        let received = now.saturating_sub(millis(retention));
        while self
            .write(move |tx| Box::pin(async move { about_nothing(tx, received).await }))
            .await?
            > 0
        {}
        let mut cursor = Some(0);
        while let Some(after) = cursor {
            let step = self
                .write(move |tx| {
                    Box::pin(async move { records(tx, after, received, Spare::Pending).await })
                })
                .await?;
            pruned.records += step.removed;
            cursor = step.last;
        }
        self.shrink().await?;
        Ok(pruned)
    }

    async fn shrink(&self) -> Result<(), StoreError> {
        if self.is_shared() {
            let counted = self
                .claim(|tx| Box::pin(async move { postgres::count_young(&mut tx.conn).await }))
                .await;
            return match counted {
                // Another replica, or the server itself, is at it.
                Err(StoreError::Contended) => Ok(()),
                counted => counted,
            };
        }
        let pages = self
            .write(|tx| Box::pin(async move { tx.conn.pages().await }))
            .await?;
        match pages {
            Some(pages) if pages.free > pages.total / FREE_SHARE => self.vacuum(VACUUM_PAGES).await,
            _ => Ok(()),
        }
    }
}

/// Removes the oldest delivered events, whatever their age. Answers how many.
pub(super) async fn oldest_done(tx: &mut Tx) -> Result<u64, StoreError> {
    done_before(tx, i64::MAX).await
}

/// Removes delivered events that were done at or before `done_at`, oldest first, one step's worth.
async fn done_before(tx: &mut Tx, done_at: i64) -> Result<u64, StoreError> {
    let events: Vec<i64> = sql::query(
        "SELECT number FROM events WHERE tenant = $1 AND session = $2 AND done_at <= $3
         ORDER BY done_at LIMIT $4",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(done_at)
    .bind(STEP)
    .scalars(&mut tx.conn)
    .await?;
    remove_events(tx, &events).await
}

/// Removes events about no message that is kept, of which nothing is pending: dead letters go with
/// the retention, as those about messages do. One step's worth.
async fn about_nothing(tx: &mut Tx, created: i64) -> Result<u64, StoreError> {
    let events: Vec<i64> = sql::query(
        "SELECT e.number FROM events e
         WHERE e.message = $3 AND e.done_at IS NULL AND e.tenant = $1 AND e.session = $2
           AND e.created_at < $4 AND NOT EXISTS (
             SELECT 1 FROM deliveries d WHERE d.event = e.number AND d.finished_at IS NULL)
         ORDER BY e.number LIMIT $5",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(NO_MESSAGE)
    .bind(created)
    .bind(STEP)
    .scalars(&mut tx.conn)
    .await?;
    remove_events(tx, &events).await
}

async fn remove_events(tx: &mut Tx, events: &[i64]) -> Result<u64, StoreError> {
    remove(tx, "DELETE FROM deliveries WHERE event IN ", events).await?;
    remove(tx, "DELETE FROM events WHERE number IN ", events).await
}

/// Runs `head`, a deletion `IN` a list of numbers, over all of them. Answers how many rows went.
pub(super) async fn remove(tx: &mut Tx, head: &str, numbers: &[i64]) -> Result<u64, StoreError> {
    let mut removed = 0;
    for list in rows::lists(numbers) {
        let query = rows::list_statement(head, list.len(), "");
        removed += query.bind_all(list).execute(&mut tx.conn).await?;
    }
    Ok(removed)
}

/// Which records are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    /// Those with anything pending. Dead letters go with their records.
    Pending,
    /// Those with anything pending or not delivered: for room, not even dead letters go.
    Undelivered,
}

/// One step through the records.
#[derive(Debug)]
pub(super) struct Step {
    /// Messages removed.
    pub(super) removed: u64,
    /// The last message looked at; `None`: there are no more to look at.
    pub(super) last: Option<i64>,
}

/// Looks at the messages after number `after` received before `received`, one step's worth, and
/// removes those that may go.
pub(super) async fn records(
    tx: &mut Tx,
    after: i64,
    received: i64,
    spare: Spare,
) -> Result<Step, StoreError> {
    let candidates = sql::query(
        "SELECT m.number, m.received_at, NOT EXISTS (
             SELECT 1 FROM media f WHERE f.message = m.number
               AND f.status IN ('queued', 'running', 'waiting'))
           AND NOT EXISTS (
             SELECT 1 FROM events e WHERE e.message = m.number AND e.done_at IS NULL
               AND ($5 OR e.hold_until IS NOT NULL OR EXISTS (
                 SELECT 1 FROM deliveries d WHERE d.event = e.number AND d.finished_at IS NULL)))
         FROM messages m WHERE m.tenant = $1 AND m.session = $2 AND m.number > $3
         ORDER BY m.number LIMIT $4",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(after)
    .bind(STEP)
    .bind(spare == Spare::Undelivered)
    .fetch_all(&mut tx.conn)
    .await?;
    let mut last = None;
    let mut removable = Vec::new();
    for row in &candidates {
        let number: i64 = row.try_get(0)?;
        // Numbers are given out in the order of receipt: behind the first young one all are young.
        if row.try_get::<i64, _>(1)? >= received {
            last = None;
            break;
        }
        last = Some(number);
        if row.try_get(2)? {
            removable.push(number);
        }
    }
    let removed = remove_records(tx, &removable).await?;
    Ok(Step { removed, last })
}

/// Removes messages with all that hangs on them. Answers how many.
async fn remove_records(tx: &mut Tx, messages: &[i64]) -> Result<u64, StoreError> {
    let mut events = Vec::new();
    for list in rows::lists(messages) {
        let query = rows::list_statement(
            "SELECT number FROM events WHERE message IN ",
            list.len(),
            " AND done_at IS NULL",
        );
        for row in query.bind_all(list).fetch_all(&mut tx.conn).await? {
            events.push(row.try_get(0)?);
        }
    }
    remove_events(tx, &events).await?;
    remove(tx, "DELETE FROM media WHERE message IN ", messages).await?;
    remove(tx, "DELETE FROM messages WHERE number IN ", messages).await
}
