//! Order per lane, which is one endpoint and chat: who may go, and who stands behind.
//!
//! Deliveries of a lane open in order: a *blocked* one stands behind an unfinished one and costs
//! nothing, so that a hundred thousand behind a dead endpoint are never looked at. The next one
//! opens when the one before it is done, or, if that was retried, five minutes after that one
//! opened: a stubborn event delays its chat by no more, and the lane still does not fall apart
//! while an endpoint is away for an hour.

use std::collections::HashMap;

use sqlx::Row as _;

use super::error::StoreError;
use super::rows;
use super::writer::Tx;
use super::{LONGEST_DELAY, millis};

/// One endpoint and chat.
pub(super) type Lane = (String, String);

/// The last unfinished delivery of a lane.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) opened_at: Option<i64>,
}

/// When a new delivery behind `tail` opens; `None`: when that one is done.
pub(super) fn opens(tail: Option<&Tail>, now: i64) -> Option<i64> {
    match tail {
        None => Some(now),
        Some(tail) if tail.state == "pending" && tail.attempts > 0 => {
            tail.opened_at.map(|opened| passes(opened, now))
        }
        Some(_) => None,
    }
}

/// When the delivery behind one that opened then, and was retried, may pass it.
fn passes(opened: i64, now: i64) -> i64 {
    opened.saturating_add(millis(LONGEST_DELAY)).max(now)
}

/// The last unfinished delivery of each of these lanes.
pub(super) async fn tails(tx: &mut Tx, lanes: &[Lane]) -> Result<HashMap<Lane, Tail>, StoreError> {
    let mut tails = HashMap::new();
    for list in rows::lists(lanes) {
        let mut query = rows::statement(
            "WITH lane (endpoint, chat) AS (VALUES ",
            2,
            list.len(),
            ") SELECT d.endpoint, d.chat, d.state, d.attempts, d.opened_at FROM lane
               JOIN deliveries d ON d.number = (
                 SELECT e.number FROM deliveries e
                 WHERE e.tenant = ? AND e.session = ? AND e.endpoint = lane.endpoint
                   AND e.chat = lane.chat AND e.finished_at IS NULL
                 ORDER BY e.number DESC LIMIT 1)",
        );
        for (endpoint, chat) in list {
            query = query.bind(endpoint).bind(chat);
        }
        query = query
            .bind(tx.session.tenant.clone())
            .bind(tx.session.session.clone());
        for row in query.fetch_all(&mut tx.conn).await? {
            let tail = Tail {
                state: row.try_get(2)?,
                attempts: row.try_get(3)?,
                opened_at: row.try_get(4)?,
            };
            tails.insert((row.try_get(0)?, row.try_get(1)?), tail);
        }
    }
    Ok(tails)
}

/// A delivery that left the head of its lane, for good or for a while.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) number: i64,
    pub(super) lane: Lane,
    pub(super) opened_at: Option<i64>,
}

/// `left` is done: the next one may go now, unless it may already.
pub(super) async fn open_next(tx: &mut Tx, left: &Left, now: i64) -> Result<(), StoreError> {
    open(tx, left, now).await
}

/// `left` will be tried again: the next one may pass it in its time.
pub(super) async fn let_pass(tx: &mut Tx, left: &Left, now: i64) -> Result<(), StoreError> {
    let opened = left.opened_at.unwrap_or(now);
    open(tx, left, passes(opened, now)).await
}

/// Opens what stands directly behind `left` at `at`, if it would open later or not at all. One that
/// has been tried keeps its own time.
async fn open(tx: &mut Tx, left: &Left, at: i64) -> Result<(), StoreError> {
    let (endpoint, chat) = &left.lane;
    sqlx::query(
        "UPDATE deliveries SET opened_at = $1,
           due_at = CASE state WHEN 'held' THEN NULL ELSE $1 END,
           state = CASE state WHEN 'held' THEN 'held' ELSE 'pending' END
         WHERE number = (
             SELECT number FROM deliveries
             WHERE tenant = $2 AND session = $3 AND endpoint = $4 AND chat = $5 AND number > $6
               AND finished_at IS NULL
             ORDER BY number LIMIT 1)
           AND state IN ('held', 'blocked', 'pending') AND attempts = 0
           AND (opened_at IS NULL OR opened_at > $1)",
    )
    .bind(at)
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(endpoint)
    .bind(chat)
    .bind(left.number)
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}
