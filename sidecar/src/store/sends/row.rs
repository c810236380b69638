//! A row back into a message, and the key of its file at rest.

use super::{ClaimedSend, Dispatch, NewSend, SendError, unreadable, upload};
use crate::message::{MediaId, SessionKey};
use crate::send::spool::SpoolKey;
use crate::store::error::StoreError;
use crate::store::prepare::{self, Sealed};
use crate::store::read;
use crate::store::seal::{SealError, SealKey};
use crate::store::sql::Row;

/// The columns that [`claimed`] reads.
macro_rules! claimed_columns {
    () => {
        "id, patient, attempts, created_at, message_id, message, file_key_id, file_key, upload"
    };
}
pub(super) use claimed_columns;

/// A claimed message of columns [`claimed_columns`].
pub(super) fn claimed(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
) -> Result<ClaimedSend, StoreError> {
    let dispatch = match dispatch(row, session, seal) {
        Ok(dispatch) => Ok(dispatch),
        Err(error @ (StoreError::Seal(_) | StoreError::Unreadable { .. })) => Err(closed(&error)),
        Err(error) => return Err(error),
    };
    Ok(ClaimedSend {
        id: row.try_get("id")?,
        patient: row.try_get("patient")?,
        attempts: read::count(row.try_get("attempts")?),
        created_at: read::time(row.try_get("created_at")?)?,
        dispatch,
    })
}

fn dispatch(
    row: &Row,
    session: &SessionKey,
    seal: Option<&SealKey>,
) -> Result<Dispatch, StoreError> {
    let id: String = row.try_get("id")?;
    let message: String = row.try_get("message")?;
    let key_id: Option<String> = row.try_get("file_key_id")?;
    let key: Option<Vec<u8>> = row.try_get("file_key")?;
    let file_key = key
        .map(|bytes| open_key(session, seal, &id, key_id.as_deref(), bytes))
        .transpose()?;
    let upload: Option<Vec<u8>> = row.try_get("upload")?;
    let upload = file_key.as_ref().zip(upload);
    let upload = upload.map(|(key, sealed)| upload::open(&id, key, &sealed));
    Ok(Dispatch {
        message_id: row.try_get("message_id")?,
        message: serde_json::from_str(&message).map_err(|_| unreadable("sends.message"))?,
        file_key,
        upload: upload.transpose()?,
        id,
    })
}

/// Why a message can't be read: its store key may come back, nothing else passes.
fn closed(error: &StoreError) -> SendError {
    let missing = matches!(error, StoreError::Seal(SealError::MissingKey(_)));
    let code = if missing {
        "store_key_missing"
    } else {
        "internal"
    };
    SendError {
        code: code.to_owned(),
        message: error.to_string(),
        retryable: missing,
    }
}

fn open_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    id: &str,
    key_id: Option<&str>,
    bytes: Vec<u8>,
) -> Result<SpoolKey, StoreError> {
    let plain = read::open_key(session, seal, &owner(id), key_id, bytes)?;
    <[u8; 32]>::try_from(plain.as_slice())
        .map(SpoolKey::new)
        .map_err(|_| unreadable("sends.file_key"))
}

/// Seals the key of a message's file, if it has one and there is a store key.
pub(super) fn seal_key(
    session: &SessionKey,
    seal: Option<&SealKey>,
    send: &NewSend,
) -> Result<Sealed, StoreError> {
    let key = send.file_key.as_ref().map(|key| key.bytes().as_slice());
    prepare::seal_key(session, seal, &owner(&send.id), key)
}

/// Whose key it is, for the seal. No media id begins like a correlation id.
fn owner(id: &str) -> MediaId {
    MediaId(id.to_owned())
}
