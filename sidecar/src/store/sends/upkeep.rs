//! What a crash, a lapsed lease and time do to messages to send.

use super::{SendError, settle};
use crate::store::error::StoreError;
use crate::store::sql;
use crate::store::writer::Tx;

/// Rows of one step of pruning.
const STEP: i64 = 256;

/// What has nobody to work on it any more: where nobody waits, it is queued again; else, and where its
/// file is gone with its replica, it has failed.
pub(in crate::store) async fn take_over(tx: &mut Tx, now: i64) -> Result<(), StoreError> {
    let clock = tx.clock.unwrap_or(now);
    let again = sql::query(
        "UPDATE sends SET state = 'queued', due_at = $3
         WHERE tenant = $1 AND session = $2 AND finished_at IS NULL AND state = 'running' AND patient
           AND (file_key IS NULL OR owner IS NULL)
           AND (lease_until IS NULL OR lease_until <= $4)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(now)
    .bind(clock)
    .execute(&mut tx.conn)
    .await?;
    tx.sends_changed |= again > 0;
    let lost = sql::query(
        "SELECT id, state FROM sends
         WHERE tenant = $1 AND session = $2 AND finished_at IS NULL
           AND (lease_until IS NULL OR lease_until <= $3)
           AND (NOT patient OR (file_key IS NOT NULL AND owner IS NOT NULL))
         ORDER BY number",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(clock)
    .fetch_all(&mut tx.conn)
    .await?;
    let error = SendError {
        code: "interrupted".to_owned(),
        message: "the sidecar stopped before the message was confirmed; it may have been sent"
            .to_owned(),
        retryable: true,
    };
    settle::end_all(tx, &lost, &error, now).await
}

/// Renews the leases of what waits for this replica because it has the file or the caller.
pub(in crate::store) async fn renew_queued(tx: &mut Tx) -> Result<(), StoreError> {
    sql::query(
        "UPDATE sends SET lease_until = $4
         WHERE tenant = $1 AND session = $2 AND owner = $3 AND finished_at IS NULL
           AND state = 'queued' AND (NOT patient OR file_key IS NOT NULL)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(tx.owner.as_deref())
    .bind(tx.lease_until())
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}

/// Removes messages that ended at or before `finished`, one step's worth. Answers how many.
pub(in crate::store) async fn prune(tx: &mut Tx, finished: i64) -> Result<u64, StoreError> {
    sql::query(
        "DELETE FROM sends WHERE number IN (
           SELECT number FROM sends WHERE tenant = $1 AND session = $2 AND finished_at <= $3
           ORDER BY finished_at LIMIT $4)",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(finished)
    .bind(STEP)
    .execute(&mut tx.conn)
    .await
}
