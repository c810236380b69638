//! Trying again because somebody says so: also what was given up.

use jiff::Timestamp;

use super::error::StoreError;
use super::model::{MediaRecord, MediaStatus};
use super::queue::{find, requeue};
use super::writer::Tx;
use super::{Store, read, sql};
use crate::message::MediaId;

/// Files queued in one transaction: nobody waits long behind them.
const STEP: i64 = 256;

impl Store {
    /// Queues a file that is not in the bucket and not on its way there; the phone may be asked for it
    /// as if it never was. Answers the record; `None`:
    /// there is none.
    pub async fn retry(
        &self,
        id: &MediaId,
        now: Timestamp,
    ) -> Result<Option<MediaRecord>, StoreError> {
        let (wanted, at) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { one(tx, &wanted, at).await }))
            .await?;
        self.media(id).await
    }

    /// Queues a file whose object is in the bucket no more. False: it is not held to be there.
    pub async fn save_again(&self, id: &MediaId, now: Timestamp) -> Result<bool, StoreError> {
        let (wanted, at) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { stored(tx, &wanted, at).await }))
            .await
    }

    /// Queues all files of one status, taken at or after `since`, that a fetch may still bring.
    /// Answers how many.
    pub async fn retry_all(
        &self,
        status: MediaStatus,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let since = since.map_or(i64::MIN, Timestamp::as_millisecond);
        let now = now.as_millisecond();
        let (mut queued, mut cursor) = (0, Some(0));
        while let Some(after) = cursor {
            let step = self
                .write(move |tx| Box::pin(async move { step(tx, status, since, after, now).await }))
                .await?;
            queued += step.queued;
            cursor = step.last;
        }
        Ok(queued)
    }
}

async fn one(tx: &mut Tx, id: &MediaId, now: i64) -> Result<(), StoreError> {
    let Some(row) = find(tx, id).await? else {
        return Ok(());
    };
    let status = read::status(row.try_get("status")?)?;
    match status {
        MediaStatus::Received | MediaStatus::Waiting | MediaStatus::Failed => {
            ask_anew(tx, row.try_get("number")?, status, now).await?;
        }
        MediaStatus::Queued | MediaStatus::Running | MediaStatus::Stored => {}
    }
    Ok(())
}

/// Queues a file that is still at `status`, and forgets what the phone said or was asked.
async fn ask_anew(
    tx: &mut Tx,
    number: i64,
    status: MediaStatus,
    now: i64,
) -> Result<bool, StoreError> {
    let queued = requeue(tx, number, status, now).await?;
    if queued {
        sql::query("UPDATE media SET phone = NULL, phone_questions = 0 WHERE number = $1")
            .bind(number)
            .execute(&mut tx.conn)
            .await?;
        tx.questions_changed = true;
    }
    Ok(queued)
}

async fn stored(tx: &mut Tx, id: &MediaId, now: i64) -> Result<bool, StoreError> {
    match find(tx, id).await? {
        // Only a file that is still stored is queued.
        Some(row) => requeue(tx, row.try_get("number")?, MediaStatus::Stored, now).await,
        None => Ok(false),
    }
}

/// One step through the files.
#[derive(Debug)]
struct Step {
    queued: u64,
    /// The last file looked at; `None`: there are no more.
    last: Option<i64>,
}

async fn step(
    tx: &mut Tx,
    status: MediaStatus,
    since: i64,
    after: i64,
    now: i64,
) -> Result<Step, StoreError> {
    let rows = sql::query(
        "SELECT number, error FROM media
         WHERE tenant = $1 AND session = $2 AND status = $3 AND number > $4 AND received_at >= $5
         ORDER BY number LIMIT $6",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(status.as_str())
    .bind(after)
    .bind(since)
    .bind(STEP)
    .fetch_all(&mut tx.conn)
    .await?;
    let mut step = Step {
        queued: 0,
        last: None,
    };
    for row in &rows {
        let number = row.try_get("number")?;
        step.last = Some(number);
        // Nothing is ever fetched for what the sender described wrongly.
        if read::error(row)?.is_none_or(|error| error.code != "media_invalid") {
            step.queued += u64::from(ask_anew(tx, number, status, now).await?);
        }
    }
    Ok(step)
}
