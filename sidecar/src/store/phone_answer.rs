//! What the phone said of a file that it was asked for, in one transaction with what follows from it.

use jiff::Timestamp;

use super::error::StoreError;
use super::model::MediaError;
use super::phone::{LONGEST_QUESTION, waits_for_phone};
use super::sql::{self, Row};
use super::writer::Tx;
use super::{Store, millis, queue, reference};
use crate::message::MediaId;

/// Questions that the phone may answer with an error that says nothing of the file.
const QUESTIONS: i64 = 2;

/// What the phone said.
#[derive(Debug, Clone)]
pub enum PhoneAnswer {
    /// The file is on the CDN again.
    Found {
        /// Where: path and signed query.
        direct_path: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// It will not come from there.
    Lacks(MediaError),
    /// Nothing of use: it is asked once more then. After the second time it is as if it lacked the file.
    Unclear {
        /// When to ask again.
        again_at: Timestamp,
        /// What is said where it is not asked again.
        error: MediaError,
    },
}

impl Store {
    /// Takes the answer for a file that the phone was asked for. Found: its reference has the new path
    /// alone, and it is queued if somebody wants it in the bucket. Lacking: a file that waited has
    /// failed, for good. False: nobody asked, or the answer came before; nothing changed.
    pub async fn phone_answered(
        &self,
        id: &MediaId,
        answer: PhoneAnswer,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, now) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { take(tx, &id, answer, now).await }))
            .await
    }
}

async fn take(
    tx: &mut Tx,
    id: &MediaId,
    answer: PhoneAnswer,
    now: i64,
) -> Result<bool, StoreError> {
    let row = sql::query(
        "SELECT number, reference, phone, phone_questions FROM media
         WHERE tenant = $1 AND session = $2 AND id = $3 AND phone IN ('asking', 'asked')",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(false) };
    match answer {
        PhoneAnswer::Found {
            direct_path,
            expires_at,
        } => found(tx, &row, &direct_path, (expires_at.as_millisecond(), now)).await?,
        PhoneAnswer::Lacks(error) => lacks(tx, id, &row, &error, now).await?,
        PhoneAnswer::Unclear { again_at, error } => {
            let again = again_at.as_millisecond();
            if !ask_again(tx, &row, again).await? {
                lacks(tx, id, &row, &error, now).await?;
            }
        }
    }
    Ok(true)
}

async fn found(
    tx: &mut Tx,
    row: &Row,
    direct_path: &str,
    (expires_at, now): (i64, i64),
) -> Result<(), StoreError> {
    let json: String = row.try_get("reference")?;
    // The state is read and changed in one statement: a claim may come at any time.
    sql::query(
        "UPDATE media SET
           status = CASE WHEN status IN ('running', 'stored') THEN status
                         WHEN persist THEN 'queued' ELSE 'received' END,
           replaced = (status = 'running'),
           due_at = CASE WHEN status NOT IN ('running', 'stored') AND persist THEN $4 END,
           round = CASE WHEN status = 'failed' THEN round + 1 ELSE round END,
           attempts = 0, integrity_failures = 0, error = NULL,
           reference = $2, expires_at = $3, phone = 'found', phone_at = $4
         WHERE number = $1",
    )
    .bind(row.try_get::<i64, _>("number")?)
    .bind(reference::moved(&json, direct_path)?)
    .bind(expires_at)
    .bind(now)
    .execute(&mut tx.conn)
    .await?;
    tx.transfers_changed = true;
    tx.questions_changed = true;
    Ok(())
}

async fn lacks(
    tx: &mut Tx,
    id: &MediaId,
    row: &Row,
    error: &MediaError,
    now: i64,
) -> Result<(), StoreError> {
    let waited = sql::query(
        "UPDATE media SET phone = 'lacks', phone_at = $2 WHERE number = $1
         RETURNING status, error",
    )
    .bind(row.try_get::<i64, _>("number")?)
    .bind(now)
    .fetch_one(&mut tx.conn)
    .await?;
    tx.questions_changed = true;
    if waits_for_phone(&waited)? {
        queue::finish_failed(tx, id, error, now).await?;
    }
    Ok(())
}

/// Has the question asked once more, unless it was already.
async fn ask_again(tx: &mut Tx, row: &Row, again: i64) -> Result<bool, StoreError> {
    let asking = row.try_get::<String, _>("phone")? == "asking";
    let questions = row.try_get::<i64, _>("phone_questions")? + i64::from(asking);
    if questions >= QUESTIONS {
        return Ok(false);
    }
    sql::query(
        "UPDATE media SET phone = 'due', phone_at = $2, phone_questions = $3,
           due_at = CASE WHEN status = 'waiting' THEN $2 + $4 ELSE due_at END
         WHERE number = $1",
    )
    .bind(row.try_get::<i64, _>("number")?)
    .bind(again)
    .bind(questions)
    .bind(millis(LONGEST_QUESTION))
    .execute(&mut tx.conn)
    .await?;
    tx.questions_changed = true;
    Ok(true)
}
