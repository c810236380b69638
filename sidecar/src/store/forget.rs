//! Forgetting a file: its record goes, its object stays where it is.

use jiff::Timestamp;

use super::error::StoreError;
use super::model::MediaError;
use super::prepare::json_list;
use super::writer::Tx;
use super::{Store, command, event, read, sql};
use crate::message::MediaId;

/// What a forgotten record knew of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// WhatsApp's id of its message.
    pub message_id: String,
    /// Bucket, if one was fixed. An object is there if the file was stored, and may be there if it
    /// was being saved.
    pub bucket: Option<String>,
    /// Object key, if one was fixed.
    pub key: Option<String>,
}

impl Store {
    /// Removes a file's record. Its message is not forgotten, so that a redelivery does not bring
    /// the record back; an event that waits for the file waits no longer. `None`: there is none.
    pub async fn forget(
        &self,
        id: &MediaId,
        now: Timestamp,
    ) -> Result<Option<Forgotten>, StoreError> {
        let (id, now) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { forget(tx, &id, now).await }))
            .await
    }
}

async fn forget(tx: &mut Tx, id: &MediaId, now: i64) -> Result<Option<Forgotten>, StoreError> {
    let row = sql::query(
        "DELETE FROM media WHERE tenant = $1 AND session = $2 AND id = $3
         RETURNING message, message_id, bucket, object_key",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let message: i64 = row.try_get("message")?;
    let error = MediaError {
        code: "media_forgotten".to_owned(),
        message: "the record was deleted".to_owned(),
        retryable: false,
    };
    leave_out(tx, message, id).await?;
    event::release_if_idle(tx, message, now).await?;
    command::settle(tx, id, message, Some(&error), now).await?;
    Ok(Some(Forgotten {
        message_id: row.try_get("message_id")?,
        bucket: row.try_get("bucket")?,
        key: row.try_get("object_key")?,
    }))
}

/// Takes the file out of its message's list, which a redelivery is answered with.
async fn leave_out(tx: &mut Tx, message: i64, id: &MediaId) -> Result<(), StoreError> {
    let list: Option<String> = sql::query("SELECT media FROM messages WHERE number = $1")
        .bind(message)
        .scalar(&mut tx.conn)
        .await?;
    let Some(list) = list else { return Ok(()) };
    let mut files = read::media_ids(&list)?;
    files.retain(|file| file != id);
    sql::query("UPDATE messages SET media = $2 WHERE number = $1")
        .bind(message)
        .bind(json_list(&files)?)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}
