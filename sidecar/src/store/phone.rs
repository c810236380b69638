//! Files that have left WhatsApp's CDN and that the phone is asked to upload again.
//!
//! A file is unasked, due, asking, asked, and then found or lacking. `asking` is on the disk before the
//! question goes out, so that an answer finds its row however soon it comes; `asked` says that WhatsApp
//! took it. A crash in between asks a second time: a question too many costs nothing, one too few the
//! file. Of one WhatsApp id one question is out at a time, because the answer names nothing else.
//!
//! A file of the queue waits meanwhile: `waiting`, due when the wait ends, with the error of a file that
//! is gone. Others keep their status.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::error::StoreError;
use super::event::{self, Settled};
use super::ids::indexed;
use super::model::{MediaError, MediaRecord};
use super::queue::SEALED_WAIT_MS;
use super::read::{self, record_columns};
use super::seal::SealKey;
use super::sql::{self, Row};
use super::writer::Tx;
use super::{Store, millis};
use crate::message::MediaId;

/// How long a phone may take to answer: as long as WhatsApp keeps a file.
pub const LONGEST_QUESTION: Duration = Duration::from_hours(14 * 24);

impl Store {
    /// Notified when the phone is to be asked for a file, or may be for another.
    #[must_use]
    pub fn questions_changed(&self) -> &Notify {
        &self.shared.signals.questions
    }

    /// The file of a transfer is gone: it waits for the phone, which is asked unless it was. In the same
    /// transaction `media.failed`, retryable, comes about if the question is out and the message's event
    /// went without the file.
    pub async fn transfer_asks(
        &self,
        id: &MediaId,
        error: MediaError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (of, now) = (id.clone(), now.as_millisecond());
        self.settle(id, move |tx| {
            Box::pin(async move { wait_for_phone(tx, &of, &error, now).await })
        })
        .await
    }

    /// A caller wants a file that is gone: the phone is asked unless it was. Whether it will be.
    pub async fn ask_phone(
        &self,
        id: &MediaId,
        error: MediaError,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, now) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { ask(tx, &id, &error, now).await }))
            .await
    }

    /// The question that is due the longest, now being asked. `None`: nothing is to be asked. One at a
    /// time: what was being asked before is asked again.
    pub async fn claim_question(&self, now: Timestamp) -> Result<Option<MediaRecord>, StoreError> {
        let (seal, now) = (self.seal(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { claim(tx, seal.as_deref(), now).await }))
            .await
    }

    /// When the next question is due. `None`: none waits.
    pub async fn next_question_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let due: Option<i64> = sql::query(
            "SELECT phone_at FROM media WHERE tenant = $1 AND session = $2
               AND phone IN ('due', 'asking') ORDER BY phone_at LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalar(&mut conn)
        .await?;
        due.map(read::time).transpose()
    }

    /// WhatsApp took the question. A file of the queue is told of: see [`Store::transfer_asks`].
    pub async fn phone_asked(&self, id: &MediaId, now: Timestamp) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), now.as_millisecond());
        self.write(move |tx| Box::pin(async move { asked(tx, &id, now).await }))
            .await
    }

    /// The file that the phone was asked for under a WhatsApp id. `None`: nobody asked, or it has answered.
    pub async fn asked_about(&self, message_id: &str) -> Result<Option<MediaId>, StoreError> {
        let mut conn = self.reader().await?;
        let id: Option<String> = sql::query(
            "SELECT id FROM media WHERE tenant = $1 AND session = $2 AND message_id = $3
               AND phone IN ('asking', 'asked') LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(indexed(message_id.to_owned()))
        .scalar(&mut conn)
        .await?;
        Ok(id.map(MediaId))
    }
}

async fn wait_for_phone(
    tx: &mut Tx,
    id: &MediaId,
    error: &MediaError,
    now: i64,
) -> Result<(), StoreError> {
    // What the transfer read of the phone may be old by now.
    let row = sql::query(
        "UPDATE media SET
           status = CASE WHEN replaced THEN 'queued' ELSE 'waiting' END,
           due_at = CASE WHEN replaced THEN $5 ELSE $6 + CASE
             WHEN phone IN ('due', 'asking', 'asked') THEN phone_at ELSE $5 END END,
           error = CASE WHEN replaced THEN NULL ELSE $4 END,
           attempts = CASE WHEN replaced THEN 0 ELSE attempts + 1 END,
           phone_at = CASE WHEN replaced OR phone IN ('due', 'asking', 'asked', 'lacks')
             THEN phone_at ELSE $5 END,
           phone_questions = CASE WHEN phone IN ('due', 'asking', 'asked')
             THEN phone_questions ELSE 0 END,
           phone = CASE WHEN replaced OR phone IN ('due', 'asking', 'asked', 'lacks')
             THEN phone ELSE 'due' END,
           replaced = FALSE
         WHERE tenant = $1 AND session = $2 AND id = $3 AND status NOT IN ('stored', 'failed')
           AND (status <> 'running' OR owner IS NULL OR owner = $7)
         RETURNING message, followups, round, error, awaited, status, phone",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(read::error_json(error)?)
    .bind(now)
    .bind(millis(LONGEST_QUESTION))
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    tx.transfers_changed = true;
    tx.questions_changed = true;
    let phone: Option<String> = row.try_get("phone")?;
    match phone.as_deref() {
        Some("lacks") if waits_for_phone(&row)? => {
            let error = MediaError {
                retryable: false,
                ..error.clone()
            };
            return super::queue::finish_failed(tx, id, &error, now).await;
        }
        Some("asked") => tell(tx, id, &row, now).await?,
        _ => {}
    }
    event::release_if_overdue(tx, row.try_get("message")?, now).await
}

/// Whether the phone's answer is waited for. Reads `phone`.
pub(super) fn is_asked_for(row: &Row) -> Result<bool, StoreError> {
    let phone: Option<String> = row.try_get("phone")?;
    Ok(matches!(phone.as_deref(), Some("due" | "asking" | "asked")))
}

/// Whether a file of the queue that the phone is asked for waits for that, and for nothing else. Reads
/// `status` and `error`.
pub(super) fn waits_for_phone(row: &Row) -> Result<bool, StoreError> {
    let status: String = row.try_get("status")?;
    let gone = read::error(row)?.is_some_and(|error| error.code == "media_expired");
    Ok(status == "waiting" && gone)
}

/// `media.failed`, retryable, unless the message's own event is still to come: that tells it then.
async fn tell(tx: &mut Tx, id: &MediaId, row: &Row, now: i64) -> Result<(), StoreError> {
    if waits_for_phone(row)? {
        let file = Settled::of(id, row, read::error(row)?)?;
        event::announce_wait(tx, &file, row.try_get("awaited")?, now).await?;
    }
    Ok(())
}

async fn ask(tx: &mut Tx, id: &MediaId, error: &MediaError, now: i64) -> Result<bool, StoreError> {
    let due = sql::query(
        "UPDATE media SET phone = 'due', phone_at = $5, phone_questions = 0,
           error = CASE WHEN status = 'waiting' THEN $4 ELSE error END,
           due_at = CASE WHEN status = 'waiting' THEN $5 + $6 ELSE due_at END
         WHERE tenant = $1 AND session = $2 AND id = $3 AND (phone IS NULL OR phone = 'found')",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(read::error_json(error)?)
    .bind(now)
    .bind(millis(LONGEST_QUESTION))
    .execute(&mut tx.conn)
    .await?;
    tx.questions_changed |= due > 0;
    Ok(due > 0)
}

async fn claim(
    tx: &mut Tx,
    seal: Option<&SealKey>,
    now: i64,
) -> Result<Option<MediaRecord>, StoreError> {
    loop {
        let due = sql::query(concat!(
            "SELECT ",
            record_columns!(),
            " FROM media f JOIN messages m ON m.number = f.message
             WHERE f.tenant = $1 AND f.session = $2 AND f.phone IN ('due', 'asking')
               AND f.phone_at <= $3 AND NOT EXISTS (
                 SELECT 1 FROM media o
                 WHERE o.tenant = $1 AND o.session = $2 AND o.message_id = f.message_id
                   AND o.phone IN ('asking', 'asked') AND o.number <> f.number)
             ORDER BY f.phone_at, f.number LIMIT 1"
        ))
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(now)
        .fetch_optional(&mut tx.conn)
        .await?;
        let Some(row) = due else { return Ok(None) };
        let number: i64 = row.try_get("number")?;
        match read::record(&row, &tx.session, seal) {
            Ok(record) => {
                sql::query("UPDATE media SET phone = 'asking' WHERE number = $1")
                    .bind(number)
                    .execute(&mut tx.conn)
                    .await?;
                return Ok(Some(record));
            }
            // One row that can't be read must not stop those behind it.
            Err(StoreError::Seal(_) | StoreError::Unreadable { .. }) => {
                sql::query("UPDATE media SET phone_at = $2 WHERE number = $1")
                    .bind(number)
                    .bind(now.saturating_add(SEALED_WAIT_MS))
                    .execute(&mut tx.conn)
                    .await?;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn asked(tx: &mut Tx, id: &MediaId, now: i64) -> Result<(), StoreError> {
    // An answer may have been faster.
    let row = sql::query(
        "UPDATE media SET phone = 'asked', phone_at = $4, phone_questions = phone_questions + 1
         WHERE tenant = $1 AND session = $2 AND id = $3 AND phone = 'asking'
         RETURNING number, message, followups, round, error, awaited, status, phone_questions",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(now)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    if !waits_for_phone(&row)? {
        return Ok(());
    }
    sql::query("UPDATE media SET due_at = $2 WHERE number = $1 AND status = 'waiting'")
        .bind(row.try_get::<i64, _>("number")?)
        .bind(now.saturating_add(millis(LONGEST_QUESTION)))
        .execute(&mut tx.conn)
        .await?;
    // Of a second question nobody needs to hear.
    if row.try_get::<i64, _>("phone_questions")? > 1 {
        return Ok(());
    }
    tell(tx, id, &row, now).await
}
