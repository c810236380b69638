//! Chunks of the chats' history that are still to be read. What one holds goes in by
//! [`Store::accept`], whose ids make repeats harmless: a chunk that was interrupted begins anew.

use std::time::Duration;

use jiff::Timestamp;

use super::error::StoreError;
use super::{Store, millis, prepare, read, sql};
use crate::message::MediaId;

/// About how many bytes a chunk takes beside its notification.
const ROW: usize = 300;

/// A chunk that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryChunk {
    /// WhatsApp's id of the phone's message that offered it.
    pub id: String,
    /// The protobuf `HistorySyncNotification`.
    pub notification: Vec<u8>,
    /// Tries that failed.
    pub attempts: u32,
    /// When it was offered.
    pub queued_at: Timestamp,
}

impl Store {
    /// Queues a chunk; on disk when it answers. One that is queued stays as it is.
    pub async fn keep_history(
        &self,
        id: String,
        notification: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let owner = MediaId(id.clone());
        let seal = self.seal();
        let sealed =
            prepare::seal_key(self.session(), seal.as_deref(), &owner, Some(&notification))?;
        let now = now.as_millisecond();
        self.take_in(ROW + notification.len(), move |tx| {
            Box::pin(async move {
                sql::query(
                    "INSERT INTO history (tenant, session, id, queued_at, due_at, key_id, notification)
                     VALUES ($1, $2, $3, $4, $4, $5, $6) ON CONFLICT DO NOTHING",
                )
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .bind(id)
                .bind(now)
                .bind(sealed.key_id)
                .bind(sealed.bytes)
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The chunk that is due for the longest time.
    pub async fn due_history(&self, now: Timestamp) -> Result<Option<HistoryChunk>, StoreError> {
        let mut conn = self.reader().await?;
        let row = sql::query(
            "SELECT id, queued_at, attempts, key_id, notification FROM history
             WHERE tenant = $1 AND session = $2 AND due_at <= $3
             ORDER BY due_at, number LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(now.as_millisecond())
        .fetch_optional(&mut conn)
        .await?;
        drop(conn);
        let Some(row) = row else { return Ok(None) };
        let id: String = row.try_get("id")?;
        let key_id: Option<String> = row.try_get("key_id")?;
        let sealed: Vec<u8> = row.try_get("notification")?;
        let (seal, owner) = (self.seal(), MediaId(id.clone()));
        let opened = read::open_key(
            self.session(),
            seal.as_deref(),
            &owner,
            key_id.as_deref(),
            sealed,
        );
        Ok(Some(HistoryChunk {
            notification: opened?.to_vec(),
            attempts: read::count(row.try_get("attempts")?),
            queued_at: read::time(row.try_get("queued_at")?)?,
            id,
        }))
    }

    /// When the next chunk is due, if there is one.
    pub async fn next_history_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let due: Option<Option<i64>> =
            sql::query("SELECT MIN(due_at) FROM history WHERE tenant = $1 AND session = $2")
                .bind(&self.session().tenant)
                .bind(&self.session().session)
                .scalar(&mut conn)
                .await?;
        due.flatten().map(read::time).transpose()
    }

    /// Tries a chunk again after a pause.
    pub async fn postpone_history(
        &self,
        id: &str,
        pause: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let due = now.as_millisecond().saturating_add(millis(pause));
        let id = id.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                sql::query(
                    "UPDATE history SET attempts = attempts + 1, due_at = $4
                     WHERE tenant = $1 AND session = $2 AND id = $3",
                )
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .bind(id)
                .bind(due)
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Forgets a chunk that was read, or never will be.
    pub async fn drop_history(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                sql::query("DELETE FROM history WHERE tenant = $1 AND session = $2 AND id = $3")
                    .bind(&tx.session.tenant)
                    .bind(&tx.session.session)
                    .bind(id)
                    .execute(&mut tx.conn)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}
