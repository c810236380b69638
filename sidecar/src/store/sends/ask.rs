//! A new message to send, and where an earlier one is.

use std::collections::HashSet;

use jiff::Timestamp;

use super::row::seal_key;
use super::{Asked, NewSend, Outcome, Progress, unreadable};
use crate::message::SessionKey;
use crate::store::conn::Conn;
use crate::store::error::StoreError;
use crate::store::prepare::{Sealed, json_list};
use crate::store::writer::Tx;
use crate::store::{Store, sql};

/// About how many bytes a message takes beside its words: row, indexes, and the event of its end.
const ROW: usize = 1500;

/// A new message, ready for the writer.
#[derive(Debug)]
struct Ready {
    send: NewSend,
    /// JSON.
    message: String,
    /// Its file's.
    key: Sealed,
    now: i64,
}

impl Store {
    /// Queues a message behind those of its chat; on disk when it answers. A second call under the
    /// same idempotency key finds the first one, unless that failed for a reason that may pass: then
    /// this one takes its place, under the same WhatsApp id. `Full`: no room, nothing was queued.
    pub async fn ask_to_send(&self, send: NewSend, now: Timestamp) -> Result<Asked, StoreError> {
        let ready = Ready {
            message: serde_json::to_string(&send.message)
                .map_err(|_| unreadable("sends.message"))?,
            key: seal_key(self.session(), self.seal().as_deref(), &send)?,
            now: now.as_millisecond(),
            send,
        };
        let incoming = ROW + ready.message.len();
        self.take_in(incoming, move |tx| {
            Box::pin(async move { ask(tx, &ready).await })
        })
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
        match under(&mut conn, self.session(), idempotency_key).await? {
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

async fn ask(tx: &mut Tx, ready: &Ready) -> Result<Asked, StoreError> {
    let mut message_id = ready.send.message_id.clone();
    if let Some(key) = &ready.send.idempotency_key
        && let Some(row) = under(&mut tx.conn, &tx.session, key).await?
    {
        if let Some(asked) = before(&row, &ready.send.fingerprint)? {
            return Ok(asked);
        }
        message_id = row.try_get("message_id")?;
        remove(tx, &row.try_get::<String, _>("id")?).await?;
    }
    insert(tx, ready, message_id).await?;
    tx.sends_changed = true;
    Ok(Asked::Queued)
}

/// It is due at once, unless others of its chat have not ended.
async fn insert(tx: &mut Tx, ready: &Ready, message_id: String) -> Result<(), StoreError> {
    let Ready {
        send,
        message,
        key,
        now,
    } = ready;
    let number = tx.numbers.send();
    sql::query(
        "INSERT INTO sends (number, tenant, session, id, idempotency_key, fingerprint, chat,
           message_id, patient, endpoints, state, created_at, due_at, owner, lease_until,
           file_key_id, file_key, message)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11,
           CASE WHEN EXISTS (SELECT 1 FROM sends WHERE tenant = $2 AND session = $3 AND chat = $7
             AND finished_at IS NULL) THEN NULL ELSE $11 END,
           $12, $13, $14, $15, $16)",
    )
    .bind(number)
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&send.id)
    .bind(&send.idempotency_key)
    .bind(send.fingerprint.to_vec())
    .bind(&send.message.chat)
    .bind(message_id)
    .bind(send.patient)
    .bind(json_list(&send.endpoints)?)
    .bind(*now)
    .bind(tx.owner.as_deref())
    .bind(tx.lease_until())
    .bind(&key.key_id)
    .bind(&key.bytes)
    .bind(message)
    .execute(&mut tx.conn)
    .await?;
    Ok(())
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

/// The row of the call that was made under a key.
async fn under(
    conn: &mut Conn,
    session: &SessionKey,
    idempotency_key: &str,
) -> Result<Option<sql::Row>, StoreError> {
    sql::query(
        "SELECT id, fingerprint, patient, outcome, message_id FROM sends
         WHERE tenant = $1 AND session = $2 AND idempotency_key = $3",
    )
    .bind(&session.tenant)
    .bind(&session.session)
    .bind(idempotency_key)
    .fetch_optional(conn)
    .await
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
