//! The outbox: what became of what went, and what is released into it.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::job::Job;
use super::lane::{self, Left};
use super::writer::Tx;
use super::{Store, event, read, rows, sql};

/// Reason of a dead letter whose endpoint is configured no more.
const ENDPOINT_REMOVED: &str = "endpoint_removed";

impl Store {
    /// The endpoint has it.
    pub async fn delivered(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_millisecond();
        let (answer, answered) = oneshot::channel();
        self.send(Job::Delivered { id, now, answer }).await?;
        answered.await.map_err(|_| StoreError::Closed)??;
        self.let_go(id);
        Ok(())
    }

    /// It goes again at `due`. Behind it, its chat waits until five minutes after it first could go.
    pub async fn retry_delivery(
        &self,
        id: i64,
        due: Timestamp,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (due, now) = (due.as_millisecond(), now.as_millisecond());
        let error = error.to_owned();
        self.write(move |tx| Box::pin(async move { retry(tx, id, due, &error, now).await }))
            .await?;
        self.let_go(id);
        Ok(())
    }

    /// It is given up; kept as a dead letter.
    pub async fn dead_letter(
        &self,
        id: i64,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (error, now) = (error.to_owned(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { finish(tx, &[id], Some(&error), now).await }))
            .await?;
        self.let_go(id);
        Ok(())
    }

    /// Deliveries to other endpoints than these become dead letters. Answers how many.
    pub async fn drop_endpoints_except(
        &self,
        endpoints: &[String],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (keep, now) = (endpoints.to_vec(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { drop_others(tx, &keep, now).await }))
            .await
    }

    /// Releases the events whose time ran out; with `all`, every held event (the bucket is known to
    /// be down). Answers how many.
    pub async fn release_overdue(&self, now: Timestamp, all: bool) -> Result<usize, StoreError> {
        let now = now.as_millisecond();
        let until = if all { i64::MAX } else { now };
        let mut released = 0;
        loop {
            let step = self
                .write(move |tx| Box::pin(async move { event::release_step(tx, until, now).await }))
                .await?;
            released += step;
            if step == 0 {
                return Ok(released);
            }
        }
    }

    /// When the next held event runs out of time. `None`: none is held.
    pub async fn next_hold_deadline(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let until: Option<i64> = sql::query(
            "SELECT hold_until FROM events
             WHERE tenant = $1 AND session = $2 AND hold_until IS NOT NULL
             ORDER BY hold_until LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalar(&mut conn)
        .await?;
        until.map(read::time).transpose()
    }
}

/// Delivered, or with `error` given up. What stands behind each may go.
pub(super) async fn finish(
    tx: &mut Tx,
    ids: &[i64],
    error: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    let mut left = Vec::with_capacity(ids.len());
    let mut events = Vec::with_capacity(ids.len());
    for list in rows::lists(ids) {
        let query = rows::list_statement(
            "UPDATE deliveries SET state = ?, finished_at = ?, due_at = NULL, last_error = ?,
               attempts = attempts + 1
             WHERE finished_at IS NULL
               AND (? OR state <> 'leased' OR owner IS NULL OR owner = ?) AND number IN ",
            list.len(),
            " RETURNING number, endpoint, chat, opened_at, event",
        );
        let query = query
            .bind(if error.is_some() { "dead" } else { "delivered" })
            .bind(now)
            .bind(error)
            // What has arrived has arrived; giving up is for the one who has the lease.
            .bind(error.is_none())
            .bind(tx.owner.as_deref())
            .bind_all(list);
        for row in query.fetch_all(&mut tx.conn).await? {
            left.push(Left {
                number: row.try_get(0)?,
                lane: (row.try_get(1)?, row.try_get(2)?),
                opened_at: row.try_get(3)?,
            });
            events.push(row.try_get(4)?);
        }
    }
    tx.outbox_changed |= !left.is_empty();
    lane::open_next(tx, &left, now).await?;
    match error {
        Some(_) => Ok(()),
        None => done(tx, &events, now).await,
    }
}

/// Marks events done that every endpoint has: from then on they may be pruned.
async fn done(tx: &mut Tx, events: &[i64], now: i64) -> Result<(), StoreError> {
    for list in rows::lists(events) {
        let query = rows::list_statement(
            "UPDATE events SET done_at = ? WHERE NOT EXISTS (
               SELECT 1 FROM deliveries WHERE event = events.number AND state <> 'delivered')
             AND number IN ",
            list.len(),
            "",
        );
        query.bind(now).bind_all(list).execute(&mut tx.conn).await?;
    }
    Ok(())
}

async fn retry(tx: &mut Tx, id: i64, due: i64, error: &str, now: i64) -> Result<(), StoreError> {
    let row = sql::query(
        "UPDATE deliveries SET state = 'pending', attempts = attempts + 1, due_at = $2,
           last_error = $3
         WHERE number = $1 AND finished_at IS NULL
           AND (state <> 'leased' OR owner IS NULL OR owner = $4)
         RETURNING endpoint, chat, opened_at",
    )
    .bind(id)
    .bind(due)
    .bind(error)
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let left = Left {
        number: id,
        lane: (row.try_get(0)?, row.try_get(1)?),
        opened_at: row.try_get(2)?,
    };
    tx.outbox_changed = true;
    lane::let_pass(tx, &left, now).await
}

async fn drop_others(tx: &mut Tx, keep: &[String], now: i64) -> Result<u64, StoreError> {
    let rows: Vec<String> = sql::query(
        "SELECT DISTINCT endpoint FROM deliveries
         WHERE tenant = $1 AND session = $2 AND finished_at IS NULL",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .scalars(&mut tx.conn)
    .await?;
    let gone: HashSet<String> = rows
        .into_iter()
        .filter(|endpoint| !keep.contains(endpoint))
        .collect();
    let mut dropped = 0;
    for endpoint in gone {
        dropped += sql::query(
            "UPDATE deliveries SET state = 'dead', finished_at = $4, due_at = NULL,
               last_error = $5
             WHERE tenant = $1 AND session = $2 AND endpoint = $3 AND finished_at IS NULL",
        )
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(endpoint)
        .bind(now)
        .bind(ENDPOINT_REMOVED)
        .execute(&mut tx.conn)
        .await?;
    }
    Ok(dropped)
}
