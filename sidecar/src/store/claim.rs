//! What goes to whom next: one delivery per endpoint and chat at a time.

use std::collections::HashMap;

use jiff::Timestamp;

use super::conn::Conn;
use super::error::StoreError;
use super::model::Delivery;
use super::writer::Tx;
use super::{Store, bound, read, rows, sql};
use crate::message::SessionKey;

impl Store {
    /// Takes up to `limit` deliveries to one endpoint that are due, and leases them: at most one per
    /// chat, none of a lane in which one is leased already. Of one endpoint, so that a slow one can't
    /// use up every place.
    pub async fn claim_deliveries_of(
        &self,
        endpoint: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (endpoint, now) = (endpoint.to_owned(), now.as_millisecond());
        let claimed = self
            .claim(move |tx| {
                Box::pin(async move {
                    let due = due(tx, &endpoint, now, limit).await?;
                    lease(tx, &due).await?;
                    Ok(due)
                })
            })
            .await;
        self.hold(claimed)
    }

    /// Keeps the leases of what was claimed. Where another replica was faster nothing was: what it
    /// left is looked for again.
    fn hold(
        &self,
        claimed: Result<Vec<Delivery>, StoreError>,
    ) -> Result<Vec<Delivery>, StoreError> {
        match claimed {
            Ok(claimed) => {
                if let Some(held) = self.held() {
                    held.add_deliveries(claimed.iter().map(|delivery| delivery.id));
                }
                Ok(claimed)
            }
            Err(StoreError::Contended) => {
                self.shared.signals.outbox.notify_one();
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// When the next delivery can be claimed. `None`: nothing waits but what is leased or held.
    pub async fn next_delivery_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let mut next: Option<i64> = None;
        for endpoint in endpoints(&mut conn, self.session()).await? {
            let due = next_due(&mut conn, self.session(), &endpoint).await?;
            next = [next, due].into_iter().flatten().min();
        }
        next.map(read::time).transpose()
    }
}

/// Endpoints that something is pending for. One seek each, whatever lies in between.
pub(super) async fn endpoints(
    conn: &mut Conn,
    session: &SessionKey,
) -> Result<Vec<String>, StoreError> {
    let mut endpoints: Vec<String> = Vec::new();
    loop {
        let next: Option<String> = sql::query(
            "SELECT endpoint FROM deliveries
             WHERE tenant = $1 AND session = $2 AND state = 'pending' AND endpoint > $3
             ORDER BY endpoint LIMIT 1",
        )
        .bind(&session.tenant)
        .bind(&session.session)
        .bind(endpoints.last().map_or("", String::as_str))
        .scalar(conn)
        .await?;
        match next {
            Some(endpoint) => endpoints.push(endpoint),
            None => return Ok(endpoints),
        }
    }
}

/// What is due for `endpoint`, the earliest of each chat.
async fn due(
    tx: &mut Tx,
    endpoint: &str,
    now: i64,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sql::query(
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
    .locking("FOR UPDATE OF d SKIP LOCKED")
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
    conn: &mut Conn,
    session: &SessionKey,
    endpoint: &str,
) -> Result<Option<i64>, StoreError> {
    sql::query(
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
    .scalar(conn)
    .await
}

async fn lease(tx: &mut Tx, deliveries: &[Delivery]) -> Result<(), StoreError> {
    let numbers: Vec<i64> = deliveries.iter().map(|delivery| delivery.id).collect();
    for list in rows::lists(&numbers) {
        let query = rows::list_statement(
            "UPDATE deliveries SET state = 'leased', due_at = NULL, owner = ?, lease_until = ?
             WHERE number IN ",
            list.len(),
            "",
        );
        query
            .bind(tx.owner.as_deref())
            .bind(tx.lease_until())
            .bind_all(list)
            .execute(&mut tx.conn)
            .await?;
    }
    Ok(())
}
