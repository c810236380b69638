//! A message that came before: its record stands. Only a newer reference of a file that is not in
//! the bucket yet is taken over, and the file queued again.

use super::error::StoreError;
use super::model::MediaStatus;
use super::prepare::{MediaRow, Row};
use super::reference::{self, ReferenceColumns, is_newer};
use super::sql;
use super::writer::Tx;
use crate::message::{MediaId, MediaReference};

/// What decides about a kept file.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: MediaId,
    pub(super) status: MediaStatus,
    number: i64,
    reference: MediaReference,
}

/// Compares the files of a redelivered message with the kept ones, by id.
pub(super) async fn refresh(tx: &mut Tx, row: &Row, kept: &[MediaId]) -> Result<(), StoreError> {
    for file in row.media.iter().filter(|file| kept.contains(&file.id)) {
        if let Some(kept) = load(tx, &file.id).await? {
            replace_if_newer(tx, &kept, file, row.now).await?;
        }
    }
    Ok(())
}

/// The file among `candidates` that `file`, of an edit, repeats.
pub(super) async fn same_file(
    tx: &mut Tx,
    file: &MediaRow,
    candidates: &[MediaId],
) -> Result<Option<Kept>, StoreError> {
    for id in candidates {
        let Some(kept) = load(tx, id).await? else {
            continue;
        };
        let (old, new) = (&kept.reference, &file.reference);
        let same = (new.sha256.is_some() && old.sha256 == new.sha256)
            || (new.enc_sha256.is_some() && old.enc_sha256 == new.enc_sha256);
        if same {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

async fn load(tx: &mut Tx, id: &MediaId) -> Result<Option<Kept>, StoreError> {
    let row = sql::query(
        "SELECT number, status, reference FROM media
         WHERE tenant = $1 AND session = $2 AND id = $3",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let reference = reference::from_columns(ReferenceColumns {
        json: row.try_get(2)?,
        streaming_sidecar: None,
        jpeg_thumbnail: None,
    })?;
    Ok(Some(Kept {
        id: id.clone(),
        number: row.try_get(0)?,
        status: super::read::status(row.try_get(1)?)?,
        reference,
    }))
}

async fn replace_if_newer(
    tx: &mut Tx,
    kept: &Kept,
    file: &MediaRow,
    now: i64,
) -> Result<(), StoreError> {
    if kept.status == MediaStatus::Stored || !is_newer(&kept.reference, &file.reference) {
        return Ok(());
    }
    // The state is read and changed in one statement: a claim may come at any time.
    sql::query(
        "UPDATE media SET
           status = CASE WHEN status = 'running' THEN 'running'
                         WHEN persist OR $2 THEN 'queued' ELSE 'received' END,
           replaced = (status = 'running'),
           due_at = CASE WHEN status <> 'running' AND (persist OR $2) THEN $3 END,
           round = CASE WHEN status = 'failed' THEN round + 1 ELSE round END,
           persist = persist OR $2, expires_at = $4, kind = $5, reference = $6,
           streaming_sidecar = $7, jpeg_thumbnail = $8, media_key_id = $9, media_key = $10,
           attempts = 0, integrity_failures = 0, error = NULL, phone = NULL, phone_questions = 0
         WHERE number = $1 AND status <> 'stored'",
    )
    .bind(kept.number)
    .bind(file.persist)
    .bind(now)
    .bind(file.expires_at)
    .bind(reference::kind_word(file.reference.kind))
    .bind(&file.columns.json)
    .bind(&file.columns.streaming_sidecar)
    .bind(&file.columns.jpeg_thumbnail)
    .bind(&file.sealed.key_id)
    .bind(&file.sealed.bytes)
    .execute(&mut tx.conn)
    .await?;
    tx.transfers_changed = true;
    Ok(())
}
