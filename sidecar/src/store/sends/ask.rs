//! A new message to send, and where an earlier one is.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Asked, NewSend, Outcome, Progress, seal_key, unreadable};
use crate::store::error::StoreError;
use crate::store::prepare::{Sealed, json_list};
use crate::store::writer::Tx;
use crate::store::{Store, sql};

impl Store {
    /// Queues a message behind those of its chat; on disk when it answers. A second call under the
    /// same idempotency key finds the first one, unless that failed for a reason that may pass: then
    /// this one takes its place, under the same WhatsApp id.
    pub async fn ask_to_send(&self, send: NewSend, now: Timestamp) -> Result<Asked, StoreError> {
        let message = serde_json::to_string(&send.message).map_err(|_| unreadable("message"))?;
        let sealed = seal_key(self.session(), self.seal().as_deref(), &send)?;
        let now = now.as_millisecond();
        self.write(move |tx| Box::pin(async move { ask(tx, &send, message, &sealed, now).await }))
            .await
    }

    /// The call that was made before under `idempotency_key`. `None`: there was none, or it may be
    /// made anew.
    pub async fn asked_before(
        &self,
        idempotency_key: &str,
        fingerprint: &[u8; 32],
    ) -> Result<Option<Asked>, StoreError> {
        let mut conn = self.reader().await?;
        let row = sql::query(
            "SELECT id, fingerprint, patient, outcome, message_id FROM sends
             WHERE tenant = $1 AND session = $2 AND idempotency_key = $3",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(idempotency_key)
        .fetch_optional(&mut conn)
        .await?;
        match row {
            Some(row) => before(&row, fingerprint),
            None => Ok(None),
        }
    }

    /// Correlation ids of the messages whose files are still to be sent.
    pub async fn files_to_send(&self) -> Result<HashSet<String>, StoreError> {
        let mut conn = self.reader().await?;
        let ids: Vec<String> = sql::query(
            "SELECT id FROM sends WHERE tenant = $1 AND session = $2 AND finished_at IS NULL
               AND file_key IS NOT NULL",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalars(&mut conn)
        .await?;
        Ok(ids.into_iter().collect())
    }

    /// Where a message is. `None`: there is none of that id.
    pub async fn send_progress(&self, id: &str) -> Result<Option<Progress>, StoreError> {
        let mut conn = self.reader().await?;
        let row = sql::query(
            "SELECT chat, outcome, finished_at FROM sends
             WHERE tenant = $1 AND session = $2 AND id = $3",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(id)
        .fetch_optional(&mut conn)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<Option<i64>, _>("finished_at")?.is_none() {
            return Ok(Some(Progress::Open));
        }
        Ok(Some(match outcome(&row)? {
            Some(Outcome::Sent(sent)) => Progress::Sent {
                chat: row.try_get("chat")?,
                sent,
            },
            Some(Outcome::Failed(error)) => Progress::Failed(error),
            None => return Err(unreadable("sends.outcome")),
        }))
    }
}

async fn ask(
    tx: &mut Tx,
    send: &NewSend,
    message: String,
    sealed: &Sealed,
    now: i64,
) -> Result<Asked, StoreError> {
    let mut message_id = send.message_id.clone();
    if let Some(key) = &send.idempotency_key {
        let row = sql::query(
            "SELECT id, fingerprint, patient, outcome, message_id FROM sends
             WHERE tenant = $1 AND session = $2 AND idempotency_key = $3",
        )
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(key)
        .fetch_optional(&mut tx.conn)
        .await?;
        if let Some(row) = row {
            if let Some(asked) = before(&row, &send.fingerprint)? {
                return Ok(asked);
            }
            message_id = row.try_get("message_id")?;
            remove(tx, &row.try_get::<String, _>("id")?).await?;
        }
    }
    let number = tx.numbers.send();
    sql::query(
        "INSERT INTO sends (number, tenant, session, id, idempotency_key, fingerprint, chat,
           message_id, patient, endpoints, state, created_at, due_at, owner, lease_until,
           file_key_id, file_key, message)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $11, $12, $13, $14, $15,
           $16)",
    )
    .bind(number)
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&send.id)
    .bind(send.idempotency_key.clone())
    .bind(send.fingerprint.to_vec())
    .bind(&send.message.chat)
    .bind(message_id)
    .bind(send.patient)
    .bind(json_list(&send.endpoints)?)
    .bind(now)
    .bind(tx.owner.as_deref())
    .bind(tx.lease_until())
    .bind(sealed.key_id.clone())
    .bind(sealed.bytes.clone())
    .bind(message)
    .execute(&mut tx.conn)
    .await?;
    tx.sends_changed = true;
    Ok(Asked::Queued)
}

/// What the call of a row is to one that is made now. `None`: it failed for a reason that may have
/// passed, so the new one takes its place.
fn before(row: &sql::Row, fingerprint: &[u8; 32]) -> Result<Option<Asked>, StoreError> {
    let had: Vec<u8> = row.try_get("fingerprint")?;
    if had != fingerprint {
        return Ok(Some(Asked::OtherMessage));
    }
    Ok(match outcome(row)? {
        Some(Outcome::Failed(error)) if error.retryable => None,
        _ => Some(Asked::Before {
            id: row.try_get("id")?,
            patient: row.try_get("patient")?,
        }),
    })
}

fn outcome(row: &sql::Row) -> Result<Option<Outcome>, StoreError> {
    let json: Option<String> = row.try_get("outcome")?;
    json.map(|json| serde_json::from_str(&json).map_err(|_| unreadable("sends.outcome")))
        .transpose()
}

async fn remove(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sql::query("DELETE FROM sends WHERE tenant = $1 AND session = $2 AND id = $3")
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(id)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}
