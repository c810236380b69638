//! The transfer queue: queued → running → stored | waiting | failed.

use jiff::Timestamp;

use super::Store;
use super::error::StoreError;
use super::event::{self, Settled};
use super::model::{MediaError, MediaRecord, MediaStatus, Stored};
use super::phone;
use super::read::{self, record_columns};
use super::seal::SealKey;
use super::sql::{self, Row};
use super::writer::Tx;
use crate::message::MediaId;

/// How long a file waits whose media key cannot be opened: the store key may come back.
pub(super) const SEALED_WAIT_MS: i64 = 300_000;

impl Store {
    /// Somebody wants the file in the bucket. Files known, waiting, or failed for a reason that may
    /// pass are queued; others stay as they are. Answers the record; `None`: there is none.
    pub async fn request_persist(
        &self,
        id: &MediaId,
        now: Timestamp,
    ) -> Result<Option<MediaRecord>, StoreError> {
        let wanted = id.clone();
        let now = now.as_millisecond();
        self.write(move |tx| Box::pin(async move { request(tx, &wanted, now).await }))
            .await?;
        self.media(id).await
    }

    /// Takes the file that is due the longest, and marks it running. `None`: nothing is due.
    pub async fn claim_transfer(&self, now: Timestamp) -> Result<Option<MediaRecord>, StoreError> {
        let seal = self.seal();
        let now = now.as_millisecond();
        let claimed = self
            .claim(move |tx| Box::pin(async move { claim(tx, seal.as_deref(), now).await }))
            .await?;
        if let (Some(record), Some(held)) = (&claimed, self.held()) {
            held.add_media(&record.id);
        }
        Ok(claimed)
    }

    /// When the next file is due. `None`: none waits.
    pub async fn next_transfer_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut conn = self.reader().await?;
        let due: Option<i64> = sql::query(
            "SELECT due_at FROM media WHERE tenant = $1 AND session = $2 AND due_at IS NOT NULL
             ORDER BY due_at LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalar(&mut conn)
        .await?;
        due.map(read::time).transpose()
    }

    /// Fixes bucket and object key, once, before the first PUT. Answers the pair that stands,
    /// which is an earlier one if there was one in this bucket. A file that is not stored yet
    /// follows its session to another bucket. `None`: there is no such record.
    pub async fn fix_target(
        &self,
        id: &MediaId,
        bucket: &str,
        key: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let (id, bucket, key) = (id.clone(), bucket.to_owned(), key.to_owned());
        self.write(move |tx| Box::pin(async move { fix(tx, &id, &bucket, &key).await }))
            .await
    }

    /// The file is in the bucket, verified. In the same transaction its event is released, or, if
    /// that went without it, `media.persisted` comes about. A second call changes nothing.
    pub async fn transfer_stored(
        &self,
        id: &MediaId,
        stored: Stored,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (of, now) = (id.clone(), now.as_millisecond());
        self.settle(id, move |tx| {
            Box::pin(async move { finish_stored(tx, &of, stored, now).await })
        })
        .await
    }

    /// The file will be tried again at `due`. `integrity`: this attempt brought a wrong file.
    pub async fn transfer_waiting(
        &self,
        id: &MediaId,
        due: Timestamp,
        error: MediaError,
        integrity: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (of, due, now) = (id.clone(), due.as_millisecond(), now.as_millisecond());
        self.settle(id, move |tx| {
            Box::pin(async move { wait(tx, &of, due, &error, integrity, now).await })
        })
        .await
    }

    /// The file will not come. In the same transaction its event is released, or, if that went
    /// without it, `media.failed` comes about. If a redelivery brought a newer reference while the
    /// old one was tried, the file is queued again instead.
    pub async fn transfer_failed(
        &self,
        id: &MediaId,
        error: MediaError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (of, now) = (id.clone(), now.as_millisecond());
        self.settle(id, move |tx| {
            Box::pin(async move { finish_failed(tx, &of, &error, now).await })
        })
        .await
    }

    /// All that waits, but for the phone, is due now: credentials or storage changed, or the bucket answers again.
    /// Answers how many that were.
    pub async fn wake(&self, now: Timestamp) -> Result<u64, StoreError> {
        let now = now.as_millisecond();
        self.write(move |tx| {
            Box::pin(async move {
                let woken = sql::query(
                    "UPDATE media SET due_at = $3 WHERE tenant = $1 AND session = $2
                       AND status = 'waiting' AND due_at > $3
                       AND (phone IS NULL OR phone NOT IN ('due', 'asking', 'asked'))",
                )
                .bind(&tx.session.tenant)
                .bind(&tx.session.session)
                .bind(now)
                .execute(&mut tx.conn)
                .await?;
                tx.transfers_changed |= woken > 0;
                Ok(woken)
            })
        })
        .await
    }
}

/// `number`, `status`, `error` and `phone` of a file.
pub(super) async fn find(tx: &mut Tx, id: &MediaId) -> Result<Option<Row>, StoreError> {
    sql::query(
        "SELECT number, status, error, phone FROM media
         WHERE tenant = $1 AND session = $2 AND id = $3",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .fetch_optional(&mut tx.conn)
    .await
}

pub(super) async fn request(tx: &mut Tx, id: &MediaId, now: i64) -> Result<(), StoreError> {
    let Some(row) = find(tx, id).await? else {
        return Ok(());
    };
    let status = read::status(row.try_get("status")?)?;
    let again = match status {
        // What waits for the phone is on its way.
        MediaStatus::Waiting => !phone::is_asked_for(&row)?,
        MediaStatus::Received => true,
        MediaStatus::Failed => read::error(&row)?.is_none_or(|error| error.retryable),
        MediaStatus::Queued | MediaStatus::Running | MediaStatus::Stored => false,
    };
    if again {
        requeue(tx, row.try_get("number")?, status, now).await?;
    }
    Ok(())
}

/// Queues a file that is still at `status`, as if it had never been tried. Answers whether it was:
/// a claim that just came is as good.
pub(super) async fn requeue(
    tx: &mut Tx,
    number: i64,
    status: MediaStatus,
    now: i64,
) -> Result<bool, StoreError> {
    // An end was told of under its round: the next one is another event.
    let ended = matches!(status, MediaStatus::Failed | MediaStatus::Stored);
    let queued = sql::query(
        "UPDATE media SET persist = TRUE, status = 'queued', due_at = $2, round = round + $3,
           attempts = 0, integrity_failures = 0, error = NULL
         WHERE number = $1 AND status = $4",
    )
    .bind(number)
    .bind(now)
    .bind(i64::from(ended))
    .bind(status.as_str())
    .execute(&mut tx.conn)
    .await?;
    tx.transfers_changed |= queued > 0;
    Ok(queued > 0)
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
             WHERE f.tenant = $1 AND f.session = $2 AND f.due_at <= $3
             ORDER BY f.due_at, f.number LIMIT 1"
        ))
        .locking("FOR UPDATE OF f SKIP LOCKED")
        .bind(&tx.session.tenant)
        .bind(&tx.session.session)
        .bind(now)
        .fetch_optional(&mut tx.conn)
        .await?;
        let Some(row) = due else { return Ok(None) };
        let number: i64 = row.try_get("number")?;
        match read::record(&row, &tx.session, seal) {
            Ok(mut record) => {
                run(tx, number).await?;
                record.status = MediaStatus::Running;
                record.due_at = None;
                return Ok(Some(record));
            }
            // One row that can't be read must not stop the queue behind it.
            Err(error @ (StoreError::Seal(_) | StoreError::Unreadable { .. })) => {
                postpone(tx, number, &error, now.saturating_add(SEALED_WAIT_MS)).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn run(tx: &mut Tx, number: i64) -> Result<(), StoreError> {
    sql::query(
        "UPDATE media SET status = 'running', due_at = NULL, replaced = FALSE, owner = $2,
           lease_until = $3
         WHERE number = $1",
    )
    .bind(number)
    .bind(tx.owner.as_deref())
    .bind(tx.lease_until())
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}

async fn postpone(
    tx: &mut Tx,
    number: i64,
    error: &StoreError,
    due: i64,
) -> Result<(), StoreError> {
    let error = MediaError {
        code: "store_key_missing".to_owned(),
        message: error.to_string(),
        retryable: true,
    };
    sql::query("UPDATE media SET status = 'waiting', due_at = $2, error = $3 WHERE number = $1")
        .bind(number)
        .bind(due)
        .bind(read::error_json(&error)?)
        .execute(&mut tx.conn)
        .await?;
    Ok(())
}

async fn fix(
    tx: &mut Tx,
    id: &MediaId,
    bucket: &str,
    key: &str,
) -> Result<Option<(String, String)>, StoreError> {
    let row = sql::query(
        "UPDATE media SET
           bucket = CASE WHEN status = 'stored' THEN bucket ELSE $4 END,
           object_key = CASE WHEN status = 'stored' OR bucket = $4 THEN object_key ELSE $5 END
         WHERE tenant = $1 AND session = $2 AND id = $3 RETURNING bucket, object_key",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(bucket)
    .bind(key)
    .fetch_optional(&mut tx.conn)
    .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose()
}

async fn finish_stored(
    tx: &mut Tx,
    id: &MediaId,
    stored: Stored,
    now: i64,
) -> Result<(), StoreError> {
    let row = sql::query(
        "UPDATE media SET status = 'stored', persist = TRUE, replaced = FALSE, due_at = NULL,
           error = NULL, stored_sha256 = $4, stored_length = $5, stored_at = $6
         WHERE tenant = $1 AND session = $2 AND id = $3 AND status <> 'stored'
         RETURNING message, followups, round",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(stored.sha256.to_vec())
    .bind(i64::try_from(stored.length).unwrap_or(i64::MAX))
    .bind(now)
    .fetch_optional(&mut tx.conn)
    .await?;
    match row {
        Some(row) => event::settle(tx, &Settled::of(id, &row, None)?, now).await,
        None => Ok(()),
    }
}

async fn wait(
    tx: &mut Tx,
    id: &MediaId,
    due: i64,
    error: &MediaError,
    integrity: bool,
    now: i64,
) -> Result<(), StoreError> {
    // A newer reference is tried at once, with a clean slate. What another replica took over after
    // our lease ran out is its to judge.
    let row = sql::query(
        "UPDATE media SET
           status = CASE WHEN replaced THEN 'queued' ELSE 'waiting' END,
           due_at = CASE WHEN replaced THEN $7 ELSE $4 END,
           error = CASE WHEN replaced THEN NULL ELSE $5 END,
           attempts = CASE WHEN replaced THEN 0 ELSE attempts + 1 END,
           integrity_failures = CASE WHEN replaced THEN 0 ELSE integrity_failures + $6 END,
           replaced = FALSE
         WHERE tenant = $1 AND session = $2 AND id = $3 AND status NOT IN ('stored', 'failed')
           AND (status <> 'running' OR owner IS NULL OR owner = $8)
         RETURNING message",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(due)
    .bind(read::error_json(error)?)
    .bind(i64::from(integrity))
    .bind(now)
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    tx.transfers_changed = true;
    match row {
        Some(row) => event::release_if_overdue(tx, row.try_get(0)?, now).await,
        None => Ok(()),
    }
}

pub(super) async fn finish_failed(
    tx: &mut Tx,
    id: &MediaId,
    error: &MediaError,
    now: i64,
) -> Result<(), StoreError> {
    let row = sql::query(
        "UPDATE media SET
           status = CASE WHEN replaced THEN 'queued' ELSE 'failed' END,
           due_at = CASE WHEN replaced THEN $5 ELSE NULL END,
           error = CASE WHEN replaced THEN NULL ELSE $4 END,
           attempts = CASE WHEN replaced THEN 0 ELSE attempts + 1 END,
           replaced = FALSE
         WHERE tenant = $1 AND session = $2 AND id = $3 AND status NOT IN ('stored', 'failed')
           AND (status <> 'running' OR owner IS NULL OR owner = $6)
         RETURNING message, followups, round, status",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .bind(read::error_json(error)?)
    .bind(now)
    .bind(tx.owner.as_deref())
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    if read::status(row.try_get("status")?)? == MediaStatus::Queued {
        tx.transfers_changed = true;
        return Ok(());
    }
    event::settle(tx, &Settled::of(id, &row, Some(error.clone()))?, now).await
}
