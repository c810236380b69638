//! Who works on what. One process per file needs no leases: its lock on the data directory is one.
//! Replicas over one database claim by row (`FOR UPDATE SKIP LOCKED`) and for a time, renew what they
//! work on, and take over what nobody renewed. Nothing is ever skipped by its number or its age.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::error::StoreError;
use super::job::Job;
use super::postgres::Database;
use super::writer::Tx;
use super::{Store, millis, rows, sends, sql};
use crate::message::MediaId;

/// How long a claim stands without being renewed, by the database's clock.
const LEASE: Duration = Duration::from_secs(30);

/// Between two calls of [`Store::keep_leases`].
pub const RENEW_EVERY: Duration = Duration::from_secs(10);

impl Tx {
    /// The `lease_until` column of what is claimed in this transaction; `None`: no lease is needed.
    pub(super) fn lease_until(&self) -> Option<i64> {
        self.clock.map(|clock| clock.saturating_add(millis(LEASE)))
    }
}

/// What this replica works on. Only what a claim really answered gets in: a claim whose answer was
/// lost with the connection is nobody's, and its lease runs out.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Work>);

/// What a store has because other replicas may work on its records.
pub(super) struct Replicas {
    /// Claims go a way of their own, past the session's lock.
    pub(super) claims: mpsc::Sender<Job>,
    pub(super) database: Database,
    pub(super) held: Held,
}

#[derive(Debug, Default, Clone)]
struct Work {
    media: BTreeSet<String>,
    deliveries: BTreeSet<i64>,
    sends: BTreeSet<String>,
}

impl Held {
    pub(super) fn add_media(&self, id: &MediaId) {
        self.work().media.insert(id.0.clone());
    }

    pub(super) fn remove_media(&self, id: &MediaId) {
        self.work().media.remove(&id.0);
    }

    pub(super) fn add_deliveries(&self, ids: impl IntoIterator<Item = i64>) {
        self.work().deliveries.extend(ids);
    }

    pub(super) fn remove_delivery(&self, id: i64) {
        self.work().deliveries.remove(&id);
    }

    pub(super) fn add_send(&self, id: &str) {
        self.work().sends.insert(id.to_owned());
    }

    pub(super) fn remove_send(&self, id: &str) {
        self.work().sends.remove(id);
    }

    /// A set is whole whatever happened while it was locked.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// To be called once at start, before any work is claimed. With one process per file: what was
    /// running when it ended is queued again, what was on its way to an endpoint goes again. With
    /// replicas: the same for what has no valid lease.
    pub async fn recover(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_millisecond();
        self.write(move |tx| Box::pin(async move { take_over(tx, now).await }))
            .await
    }

    /// Whether other processes may work on the same records.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.replicas.is_some()
    }

    /// Renews the leases of what this process works on, and takes over what no process renewed. To
    /// be called every [`RENEW_EVERY`] where the store [is shared](Self::is_shared).
    pub async fn keep_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(held) = self.held() else {
            return Ok(());
        };
        let (now, work) = (now.as_millisecond(), held.work().clone());
        self.write(move |tx| {
            Box::pin(async move {
                renew(tx, &work).await?;
                take_over(tx, now).await
            })
        })
        .await
    }

    /// Wakes those who wait for work if there is any: another replica may have left it.
    pub async fn look_again(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut conn = self.reader().await?;
        let due = sql::query(
            "SELECT EXISTS (SELECT 1 FROM media
                      WHERE tenant = $1 AND session = $2 AND due_at <= $3),
                    EXISTS (SELECT 1 FROM deliveries
                      WHERE tenant = $1 AND session = $2 AND state = 'pending' AND due_at <= $3),
                    EXISTS (SELECT 1 FROM events
                      WHERE tenant = $1 AND session = $2 AND hold_until IS NOT NULL),
                    EXISTS (SELECT 1 FROM sends
                      WHERE tenant = $1 AND session = $2 AND due_at <= $3)",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(now.as_millisecond())
        .fetch_one(&mut conn)
        .await?;
        let signals = &self.shared.signals;
        for (is_due, signal) in [
            (due.try_get(0)?, &signals.transfers),
            (due.try_get(1)?, &signals.outbox),
            (due.try_get(2)?, &signals.holds),
            (due.try_get(3)?, &signals.sends),
        ] {
            if is_due {
                signal.notify_one();
            }
        }
        Ok(())
    }

    /// Notes an outcome; then this process does not work on the file any more.
    pub(super) async fn settle<F>(&self, id: &MediaId, act: F) -> Result<(), StoreError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + 'static,
    {
        self.write(act).await?;
        if let Some(held) = self.held() {
            held.remove_media(id);
        }
        Ok(())
    }

    /// Notes an outcome; then this process does not work on the delivery any more.
    pub(super) fn let_go(&self, delivery: i64) {
        if let Some(held) = self.held() {
            held.remove_delivery(delivery);
        }
    }

    /// What this replica works on; `None`: this process works alone and needs no leases.
    pub(super) fn held(&self) -> Option<&Held> {
        self.shared.replicas.as_ref().map(|replicas| &replicas.held)
    }

    /// Gives back what this process claimed and did not finish, for another to take at once.
    pub(super) async fn release_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_millisecond();
        self.write(move |tx| {
            Box::pin(async move {
                release(tx).await?;
                take_over(tx, now).await
            })
        })
        .await
    }
}

/// What runs without a valid lease is queued again; what is on its way without one goes again.
async fn take_over(tx: &mut Tx, now: i64) -> Result<(), StoreError> {
    let clock = tx.clock.unwrap_or(now);
    let queued = sql::query(
        "UPDATE media SET status = 'queued', due_at = $3, replaced = FALSE
         WHERE tenant = $1 AND session = $2 AND status = 'running'
           AND (lease_until IS NULL OR lease_until <= $4)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(now)
    .bind(clock)
    .execute(&mut tx.conn)
    .await?;
    let pending = sql::query(
        "UPDATE deliveries SET state = 'pending', due_at = $3
         WHERE tenant = $1 AND session = $2 AND state = 'leased'
           AND (lease_until IS NULL OR lease_until <= $4)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(now)
    .bind(clock)
    .execute(&mut tx.conn)
    .await?;
    tx.transfers_changed |= queued > 0;
    tx.outbox_changed |= pending > 0;
    sends::take_over(tx, now).await
}

async fn renew(tx: &mut Tx, work: &Work) -> Result<(), StoreError> {
    let until = tx.lease_until();
    for (text, running) in [
        (
            "UPDATE media SET lease_until = ? WHERE tenant = ? AND session = ? AND owner = ?
               AND status = 'running' AND id IN ",
            &work.media,
        ),
        (
            "UPDATE sends SET lease_until = ? WHERE tenant = ? AND session = ? AND owner = ?
               AND state = 'running' AND id IN ",
            &work.sends,
        ),
    ] {
        let running: Vec<String> = running.iter().cloned().collect();
        for list in rows::lists(&running) {
            rows::list_statement(text, list.len(), "")
                .bind(until)
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .bind(tx.owner.as_deref())
                .bind_all(list)
                .execute(&mut tx.conn)
                .await?;
        }
    }
    let deliveries: Vec<i64> = work.deliveries.iter().copied().collect();
    for list in rows::lists(&deliveries) {
        let query = rows::list_statement(
            "UPDATE deliveries SET lease_until = ? WHERE owner = ? AND state = 'leased'
               AND number IN ",
            list.len(),
            "",
        );
        query
            .bind(until)
            .bind(tx.owner.as_deref())
            .bind_all(list)
            .execute(&mut tx.conn)
            .await?;
    }
    sends::renew_queued(tx).await
}

async fn release(tx: &mut Tx) -> Result<(), StoreError> {
    for text in [
        "UPDATE media SET lease_until = 0
         WHERE tenant = $1 AND session = $2 AND status = 'running' AND owner = $3",
        "UPDATE deliveries SET lease_until = 0
         WHERE tenant = $1 AND session = $2 AND state = 'leased' AND owner = $3",
        "UPDATE sends SET lease_until = 0
         WHERE tenant = $1 AND session = $2 AND finished_at IS NULL AND owner = $3",
    ] {
        sql::query(text)
            .bind(&tx.session.tenant)
            .bind(&tx.session.session)
            .bind(tx.owner.as_deref())
            .execute(&mut tx.conn)
            .await?;
    }
    Ok(())
}
