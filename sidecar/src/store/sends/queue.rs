//! Whose turn it is.

use jiff::Timestamp;

use super::ClaimedSend;
use super::row::{claimed, claimed_columns};
use crate::store::error::StoreError;
use crate::store::seal::SealKey;
use crate::store::writer::Tx;
use crate::store::{Store, read, sql};

impl Store {
    /// Takes the message that is due the longest, and marks it running. `None`: nothing is due that
    /// may go from here.
    pub async fn claim_send(&self, now: Timestamp) -> Result<Option<ClaimedSend>, StoreError> {
        let seal = self.seal();
        let now = now.as_millisecond();
        let claimed = self
            .claim(move |tx| Box::pin(async move { claim(tx, seal.as_deref(), now).await }))
            .await;
        let claimed = match claimed {
            // Another replica took it.
            Err(StoreError::Contended) => None,
            claimed => claimed?,
        };
        if let (Some(send), Some(held)) = (&claimed, self.held()) {
            held.add_send(&send.id);
        }
        Ok(claimed)
    }

    /// When the next message is due, also one that another replica has the file of. `None`: none waits.
    pub async fn next_send_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let due: Option<i64> = sql::query(
            "SELECT due_at FROM sends WHERE tenant = $1 AND session = $2 AND due_at IS NOT NULL
             ORDER BY due_at LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalar(&mut conn)
        .await?;
        due.map(read::time).transpose()
    }

    /// Notified when a message may have become due.
    #[must_use]
    pub fn sends_changed(&self) -> &tokio::sync::Notify {
        &self.shared.signals.sends
    }
}

/// A message with a file is sent by the replica that has the file.
async fn claim(
    tx: &mut Tx,
    seal: Option<&SealKey>,
    now: i64,
) -> Result<Option<ClaimedSend>, StoreError> {
    let row = sql::query(concat!(
        "SELECT ",
        claimed_columns!(),
        " FROM sends
         WHERE tenant = $1 AND session = $2 AND due_at <= $3
           AND (file_key IS NULL OR owner IS NULL OR owner = $4)
         ORDER BY due_at, number LIMIT 1"
    ))
    .locking("FOR UPDATE SKIP LOCKED")
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(now)
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let send = claimed(&row, &tx.session, seal)?;
    sql::query(
        "UPDATE sends SET state = 'running', due_at = NULL, owner = $4, lease_until = $5
         WHERE tenant = $1 AND session = $2 AND id = $3",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&send.id)
    .bind(tx.owner.as_deref())
    .bind(tx.lease_until())
    .execute(&mut tx.conn)
    .await?;
    Ok(Some(send))
}
