//! Order per lane, which is one endpoint and chat: who may go, and who stands behind.
//!
//! Deliveries of a lane open in order: a *blocked* one stands behind an unfinished one and costs
//! nothing, so that a hundred thousand behind a dead endpoint are never looked at. The next one
//! opens when the one before it is done, or, if that was retried, five minutes after that one
//! opened: a stubborn event delays its chat by no more, and the lane still does not fall apart
//! while an endpoint is away for an hour.

use std::collections::HashMap;

use super::error::StoreError;
use super::rows;
use super::sql::Row;
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

// === impl Tail ===

impl Tail {
    /// Reads `state`, `attempts` and `opened_at`.
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            state: row.try_get("state")?,
            attempts: row.try_get("attempts")?,
            opened_at: row.try_get("opened_at")?,
        })
    }
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
            tails.insert((row.try_get(0)?, row.try_get(1)?), Tail::of(&row)?);
        }
    }
    Ok(tails)
}

/// A delivery that left the head of its lane, for good or for a while.
#[derive(Debug, Clone)]
pub(super) struct Left {
    pub(super) number: i64,
    pub(super) lane: Lane,
    pub(super) opened_at: Option<i64>,
}

/// These are done: what stands behind each may go now, unless it may already.
pub(super) async fn open_next(tx: &mut Tx, left: &[Left], now: i64) -> Result<(), StoreError> {
    for piece in rows::pieces(left) {
        open(tx, piece, now).await?;
    }
    Ok(())
}

/// `left` will be tried again: the next one may pass it in its time.
pub(super) async fn let_pass(tx: &mut Tx, left: &Left, now: i64) -> Result<(), StoreError> {
    let opened = left.opened_at.unwrap_or(now);
    open(tx, std::slice::from_ref(left), passes(opened, now)).await
}

/// Opens what stands directly behind each of `left` at `at`, if it would open later or not at all.
/// One that has been tried keeps its own time.
async fn open(tx: &mut Tx, left: &[Left], at: i64) -> Result<(), StoreError> {
    let mut query = rows::statement(
        "UPDATE deliveries SET opened_at = ?,
           due_at = CASE state WHEN 'held' THEN NULL ELSE ? END,
           state = CASE state WHEN 'held' THEN 'held' ELSE 'pending' END
         WHERE number IN (
           WITH gone (endpoint, chat, number) AS (VALUES ",
        3,
        left.len(),
        ") SELECT (
             SELECT n.number FROM deliveries n
             WHERE n.tenant = ? AND n.session = ? AND n.endpoint = gone.endpoint
               AND n.chat = gone.chat AND n.number > gone.number AND n.finished_at IS NULL
             ORDER BY n.number LIMIT 1) FROM gone)
           AND state IN ('held', 'blocked', 'pending') AND attempts = 0
           AND (opened_at IS NULL OR opened_at > ?)",
    );
    query = query.bind(at).bind(at);
    for left in left {
        let (endpoint, chat) = left.lane.clone();
        query = query.bind(endpoint).bind(chat).bind(left.number);
    }
    query
        .bind(tx.session.tenant.clone())
        .bind(tx.session.session.clone())
        .bind(at)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}
