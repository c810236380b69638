//! Files that have left WhatsApp's CDN and that the session's own phone may bring back: which they are,
//! and callers who wait for one.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::TransferError;
use crate::{
    cdn::Class,
    clock,
    session::Session,
    store::{LONGEST_QUESTION, MediaError, MediaRecord, MediaStatus, Phone},
};

/// How long a download waits for the phone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the CDN says that it does not have the file, or will not give it (`whatsapp-media.md` §2.3).
/// A file that is there and is another one is no reason to ask.
pub(super) fn is_gone(error: &TransferError) -> bool {
    match error {
        TransferError::Gone | TransferError::ObjectGone => true,
        TransferError::Cdn(error) => error.class() == Class::Forbidden,
        _ => false,
    }
}

/// Whether the phone may bring back the file of `record`: it has not been asked, or may still answer. A
/// channel's files are on no phone, and what the phone brought and is gone again was not worth much.
pub(super) fn may_come(record: &MediaRecord, now: Timestamp) -> bool {
    let over = |since: Timestamp| {
        since
            .checked_add(LONGEST_QUESTION)
            .is_ok_and(|end| now >= end)
    };
    let askable = record.reference.media_key.is_some()
        && record.reference.fault.is_none()
        && !record.message.chat.ends_with("@newsletter");
    askable
        && match record.phone {
            Phone::Unasked => true,
            Phone::Due(since) | Phone::Asked(since) => !over(since),
            Phone::Found(at) => over(at),
            Phone::Lacks => false,
        }
}

/// Why a file waits for the phone.
pub(super) fn asking() -> MediaError {
    MediaError {
        code: TransferError::Gone.code().to_owned(),
        message: "the file is no longer on WhatsApp's CDN; the phone is asked to upload it again"
            .to_owned(),
        retryable: true,
    }
}

/// What a caller does whose file is gone: has the phone asked, once however many call, and waits for the
/// answer. Answers the record with its new path.
///
/// # Errors
///
/// `error`, where the phone can't be asked or does not have the file; [`TransferError::Requested`] while
/// it has not answered.
pub(super) async fn wait(
    session: &Session,
    record: &MediaRecord,
    error: TransferError,
) -> Result<MediaRecord, TransferError> {
    let now = clock::now();
    let device = match session.device() {
        Some(device) if is_gone(&error) => device,
        _ => return Err(error),
    };
    let mut states = session.media_changes();
    // What the record says may be older than the answer of the phone.
    let mut latest = current(session, record).await?;
    if !moved(record, &latest) && !may_come(&latest, now) {
        return Err(error);
    }
    if !moved(record, &latest) && !latest.phone.is_open() {
        session.store().ask_phone(&record.id, asking(), now).await?;
        latest = current(session, record).await?;
    }
    let place = device.waiters().try_acquire();
    let deadline = Instant::now() + PATIENCE;
    while latest.phone.is_open() {
        if place.is_err() || session.stopping().is_cancelled() {
            return Err(TransferError::Requested);
        }
        let changed = session.stopping().run_until_cancelled(states.changed());
        match timeout_at(deadline, changed).await {
            Ok(Some(Ok(()))) => {}
            _ => return Err(TransferError::Requested),
        }
        latest = current(session, record).await?;
    }
    if moved(record, &latest) {
        return Ok(latest);
    }
    Err(match error {
        TransferError::Cdn(_) => TransferError::Gone,
        error => error,
    })
}

async fn current(session: &Session, record: &MediaRecord) -> Result<MediaRecord, TransferError> {
    let latest = session.store().media(&record.id).await?;
    latest.ok_or(TransferError::Gone)
}

/// Whether there is reason to look for the file again: it is elsewhere by now, or in the same place anew.
fn moved(before: &MediaRecord, now: &MediaRecord) -> bool {
    let stored = before.status != MediaStatus::Stored && now.status == MediaStatus::Stored;
    let found = before.phone != now.phone && matches!(now.phone, Phone::Found(_));
    stored || found || before.reference.direct_path != now.reference.direct_path
}
