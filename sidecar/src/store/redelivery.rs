//! A message that came before: its record stands. Only a newer reference of a file that is not in
//! the bucket yet is taken over, and the file queued again.

use sqlx::Row as _;

use super::error::StoreError;
use super::model::MediaStatus;
use super::prepare::{MediaRow, Row};
use super::reference::{self, ReferenceColumns, is_newer};
use super::writer::Tx;
use crate::message::{MediaId, MediaReference};

/// What decides about a kept file.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: MediaId,
    pub(super) status: MediaStatus,
    number: i64,
    persist: bool,
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
    let row = sqlx::query(
        "SELECT number, status, persist, reference FROM media
         WHERE tenant = $1 AND session = $2 AND id = $3",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&id.0)
    .fetch_optional(&mut tx.conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let reference = reference::from_columns(ReferenceColumns {
        json: row.try_get(3)?,
        streaming_sidecar: None,
        jpeg_thumbnail: None,
    })?;
    Ok(Some(Kept {
        id: id.clone(),
        number: row.try_get(0)?,
        status: super::read::status(row.try_get(1)?)?,
        persist: row.try_get(2)?,
        reference,
    }))
}

/// Where a file is once its reference was replaced.
fn status_after(before: MediaStatus, persist: bool) -> MediaStatus {
    match before {
        MediaStatus::Running => MediaStatus::Running,
        _ if persist => MediaStatus::Queued,
        _ => MediaStatus::Received,
    }
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
    let persist = kept.persist || file.persist;
    let status = status_after(kept.status, persist);
    sqlx::query(
        "UPDATE media SET status = $2, persist = $3, replaced = $4, due_at = $5, expires_at = $6,
           kind = $7, reference = $8, streaming_sidecar = $9, jpeg_thumbnail = $10,
           media_key_id = $11, media_key = $12, round = round + $13, attempts = 0,
           integrity_failures = 0, error = NULL
         WHERE number = $1",
    )
    .bind(kept.number)
    .bind(status.as_str())
    .bind(persist)
    .bind(status == MediaStatus::Running)
    .bind((status == MediaStatus::Queued).then_some(now))
    .bind(file.expires_at)
    .bind(reference::kind_word(file.reference.kind))
    .bind(&file.columns.json)
    .bind(&file.columns.streaming_sidecar)
    .bind(&file.columns.jpeg_thumbnail)
    .bind(&file.sealed.key_id)
    .bind(&file.sealed.bytes)
    .bind(i64::from(kept.status == MediaStatus::Failed))
    .execute(&mut tx.conn)
    .await?;
    tx.transfers_changed = true;
    Ok(())
}
