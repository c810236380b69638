//! The outbox: what goes to whom next, and what became of it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};
use tokio::sync::oneshot;

use super::error::StoreError;
use super::lane::{self, Left};
use super::model::Delivery;
use super::writer::{Job, Tx};
use super::{Store, bound, event, read, rows};
use crate::message::SessionKey;

/// Reason of a dead letter whose endpoint is configured no more.
const ENDPOINT_REMOVED: &str = "endpoint_removed";

impl Store {
    /// Takes up to `limit` deliveries that are due, and leases them: at most one per endpoint and
    /// chat, none of a lane in which one is leased already, endpoints in turn.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let now = now.as_millisecond();
        self.write(move |tx| Box::pin(async move { claim_in_turn(tx, now, limit).await }))
            .await
    }

    /// The same for one endpoint, so that a slow one can't use up every place.
    pub async fn claim_deliveries_of(
        &self,
        endpoint: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (endpoint, now) = (endpoint.to_owned(), now.as_millisecond());
        self.write(move |tx| {
            Box::pin(async move {
                let due = due(tx, &endpoint, now, limit).await?;
                lease(tx, &due).await?;
                Ok(due)
            })
        })
        .await
    }

    /// The endpoint has it.
    pub async fn delivered(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_millisecond();
        let (answer, answered) = oneshot::channel();
        self.send(Job::Delivered { id, now, answer }).await?;
        answered.await.map_err(|_| StoreError::Closed)?
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
            .await
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
            .await
    }

    /// When the next delivery can be claimed. `None`: nothing waits but what is leased or held.
    pub async fn next_delivery_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await;
        let mut next: Option<i64> = None;
        for endpoint in endpoints(&mut conn, self.session()).await? {
            let due = next_due(&mut conn, self.session(), &endpoint).await?;
            next = [next, due].into_iter().flatten().min();
        }
        next.map(read::time).transpose()
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
        let mut conn = self.reader().await;
        let until: Option<i64> = sqlx::query_scalar(
            "SELECT hold_until FROM events
             WHERE tenant = $1 AND session = $2 AND hold_until IS NOT NULL
             ORDER BY hold_until LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .fetch_optional(&mut *conn)
        .await?;
        until.map(read::time).transpose()
    }
}

/// Endpoints that something is pending for. One seek each, whatever lies in between.
async fn endpoints(
    conn: &mut SqliteConnection,
    session: &SessionKey,
) -> Result<Vec<String>, StoreError> {
    let mut endpoints: Vec<String> = Vec::new();
    loop {
        let next: Option<String> = sqlx::query_scalar(
            "SELECT endpoint FROM deliveries
             WHERE tenant = $1 AND session = $2 AND state = 'pending' AND endpoint > $3
             ORDER BY endpoint LIMIT 1",
        )
        .bind(&session.tenant)
        .bind(&session.session)
        .bind(endpoints.last().map_or("", String::as_str))
        .fetch_optional(&mut *conn)
        .await?;
        match next {
            Some(endpoint) => endpoints.push(endpoint),
            None => return Ok(endpoints),
        }
    }
}

async fn claim_in_turn(tx: &mut Tx, now: i64, limit: usize) -> Result<Vec<Delivery>, StoreError> {
    let session = tx.session.clone();
    let mut queues = Vec::new();
    for endpoint in endpoints(&mut tx.conn, &session).await? {
        queues.push(due(tx, &endpoint, now, limit).await?.into_iter());
    }
    let mut claimed = Vec::new();
    let mut before = usize::MAX;
    while claimed.len() != before {
        before = claimed.len();
        let room = limit.saturating_sub(before);
        claimed.extend(queues.iter_mut().filter_map(Iterator::next).take(room));
    }
    lease(tx, &claimed).await?;
    Ok(claimed)
}

/// What is due for `endpoint`, the earliest of each chat.
async fn due(
    tx: &mut Tx,
    endpoint: &str,
    now: i64,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.number, d.endpoint, d.chat, d.attempts, d.opened_at, e.id AS event_id, e.name,
           e.created_at, e.outcome, e.media, e.facts, m.from_me, m.participant, m.message_id
         FROM deliveries d JOIN events e ON e.number = d.event
           LEFT JOIN messages m ON m.number = e.message
         WHERE d.tenant = $1 AND d.session = $2 AND d.endpoint = $3 AND d.state = 'pending'
           AND d.due_at <= $4 AND NOT EXISTS (
             SELECT 1 FROM deliveries l
             WHERE l.tenant = $1 AND l.session = $2 AND l.endpoint = $3 AND l.chat = d.chat
               AND l.state = 'leased')
         ORDER BY d.due_at, d.number LIMIT $5",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(endpoint)
    .bind(now)
    .bind(bound(limit))
    .fetch_all(&mut tx.conn)
    .await?;
    let mut due = rows
        .iter()
        .map(|row| read::delivery(row, &tx.session))
        .collect::<Result<Vec<_>, _>>()?;
    let mut first: HashMap<String, i64> = HashMap::new();
    for delivery in &due {
        let number = first.entry(delivery.chat.clone()).or_insert(delivery.id);
        *number = delivery.id.min(*number);
    }
    due.retain(|delivery| first.get(&delivery.chat) == Some(&delivery.id));
    Ok(due)
}

async fn next_due(
    conn: &mut SqliteConnection,
    session: &SessionKey,
    endpoint: &str,
) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT d.due_at FROM deliveries d
         WHERE d.tenant = $1 AND d.session = $2 AND d.endpoint = $3 AND d.state = 'pending'
           AND NOT EXISTS (
             SELECT 1 FROM deliveries l
             WHERE l.tenant = $1 AND l.session = $2 AND l.endpoint = $3 AND l.chat = d.chat
               AND l.state = 'leased')
         ORDER BY d.due_at LIMIT 1",
    )
    .bind(&session.tenant)
    .bind(&session.session)
    .bind(endpoint)
    .fetch_optional(conn)
    .await?)
}

async fn lease(tx: &mut Tx, deliveries: &[Delivery]) -> Result<(), StoreError> {
    let numbers: Vec<i64> = deliveries.iter().map(|delivery| delivery.id).collect();
    for list in rows::lists(&numbers) {
        let mut query = rows::list_statement(
            "UPDATE deliveries SET state = 'leased', due_at = NULL WHERE number IN ",
            list.len(),
            "",
        );
        for number in list {
            query = query.bind(number);
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
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
        let mut query = rows::list_statement(
            "UPDATE deliveries SET state = ?, finished_at = ?, due_at = NULL, last_error = ?,
               attempts = attempts + 1
             WHERE finished_at IS NULL AND number IN ",
            list.len(),
            " RETURNING number, endpoint, chat, opened_at, event",
        );
        query = query
            .bind(if error.is_some() { "dead" } else { "delivered" })
            .bind(now)
            .bind(error.map(str::to_owned));
        for id in list {
            query = query.bind(id);
        }
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
        let mut query = rows::list_statement(
            "UPDATE events SET done_at = ? WHERE NOT EXISTS (
               SELECT 1 FROM deliveries WHERE event = events.number AND state <> 'delivered')
             AND number IN ",
            list.len(),
            "",
        );
        query = query.bind(now);
        for event in list {
            query = query.bind(event);
        }
        query.execute(&mut tx.conn).await?;
    }
    Ok(())
}

async fn retry(tx: &mut Tx, id: i64, due: i64, error: &str, now: i64) -> Result<(), StoreError> {
    let row = sqlx::query(
        "UPDATE deliveries SET state = 'pending', attempts = attempts + 1, due_at = $2,
           last_error = $3
         WHERE number = $1 AND finished_at IS NULL RETURNING endpoint, chat, opened_at",
    )
    .bind(id)
    .bind(due)
    .bind(error)
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
    let rows = sqlx::query_scalar(
        "SELECT DISTINCT endpoint FROM deliveries
         WHERE tenant = $1 AND session = $2 AND finished_at IS NULL",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .fetch_all(&mut tx.conn)
    .await?;
    let gone: HashSet<String> = rows
        .into_iter()
        .filter(|endpoint| !keep.contains(endpoint))
        .collect();
    let mut dropped = 0;
    for endpoint in gone {
        dropped += sqlx::query(
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
        .await?
        .rows_affected();
    }
    Ok(dropped)
}
