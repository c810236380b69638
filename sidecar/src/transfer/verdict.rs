//! What a try came to: written down first, then told to the metrics and to the session.

use jiff::Timestamp;

use super::{TransferError, backoff, reupload, save::has_expired};
use crate::{
    clock,
    metrics::{Metrics, Outcome},
    session::Session,
    store::{MediaError, MediaRecord, StoreError, Stored},
};

/// Whole fetches of a file whose bytes were wrong, over two hosts, before that is final.
const INTEGRITY_TRIES: u32 = 3;

/// What becomes of the record.
#[derive(Debug)]
pub(super) enum Verdict {
    /// In the bucket.
    Stored(Stored),
    /// To be tried again.
    Waiting {
        due: Timestamp,
        error: MediaError,
        integrity: bool,
    },
    /// Gone from the CDN: waits for the phone to bring it back.
    Asking(MediaError),
    /// Given up.
    Failed(MediaError),
}

impl Verdict {
    /// Judges what a try of `record` came to; `has_phone`: there is a phone to ask.
    pub(super) fn of(
        record: &MediaRecord,
        outcome: &Result<Stored, TransferError>,
        has_phone: bool,
        random: f64,
        now: Timestamp,
    ) -> Self {
        let error = match outcome {
            Ok(stored) => return Self::Stored(*stored),
            Err(error) => error,
        };
        if has_phone && has_left(record, error, now) && reupload::may_come(record, now) {
            return Self::Asking(reupload::asking());
        }
        if is_final(record, error, now) {
            return Self::Failed(media_error(error, false));
        }
        let pause = backoff::pause(
            record.attempts.saturating_add(1),
            error.retry_after(),
            random,
        );
        Self::Waiting {
            due: now.checked_add(pause).unwrap_or(Timestamp::MAX),
            error: media_error(error, true),
            integrity: matches!(error, TransferError::Integrity(_)),
        }
    }

    /// Writes it down, with the event that it causes. Twice does no harm.
    pub(super) async fn write(
        &self,
        session: &Session,
        record: &MediaRecord,
    ) -> Result<(), StoreError> {
        let (store, now) = (session.store(), clock::now());
        match self {
            Self::Stored(stored) => store.transfer_stored(&record.id, *stored, now).await,
            Self::Waiting {
                due,
                error,
                integrity,
            } => {
                let error = error.clone();
                store
                    .transfer_waiting(&record.id, *due, error, *integrity, now)
                    .await
            }
            Self::Asking(error) => store.transfer_asks(&record.id, error.clone(), now).await,
            Self::Failed(error) => store.transfer_failed(&record.id, error.clone(), now).await,
        }
    }

    /// One line of log. `trace` ties a message's lines together.
    pub(super) fn log(&self, session: &Session, record: &MediaRecord) {
        let trace = record.message.trace_id(session.key());
        let (session, media) = (session.key(), &record.id);
        match self {
            Self::Stored(stored) => {
                tracing::info!(%session, trace, %media, bytes = stored.length, "stored");
            }
            Self::Waiting { due, error, .. } => {
                let (code, error) = (&error.code, &error.message);
                tracing::info!(%session, trace, %media, code, error, %due, "will be tried again");
            }
            Self::Asking(_) => {
                tracing::info!(%session, trace, %media, "gone from the CDN, waits for the phone");
            }
            Self::Failed(error) => {
                let (code, error) = (&error.code, &error.message);
                tracing::warn!(%session, trace, %media, code, error, "given up");
            }
        }
    }

    /// Counts it.
    pub(super) fn count(&self, metrics: &Metrics) {
        let outcome = match self {
            Self::Stored(stored) => {
                metrics.transferred_bytes.inc_by(stored.length);
                "stored"
            }
            Self::Waiting { .. } | Self::Asking(_) => "waiting",
            Self::Failed(_) => "failed",
        };
        metrics.transfers.get_or_create(&Outcome { outcome }).inc();
    }
}

/// Whether the file is on the CDN no more, or is not to be had there any more.
fn has_left(record: &MediaRecord, error: &TransferError, now: Timestamp) -> bool {
    let judged = error.is_final() || matches!(error, TransferError::Integrity(_));
    reupload::is_gone(error) || (!judged && has_expired(record, now))
}

/// Everything is tried again until the file leaves the CDN, but what speaks of the file itself.
fn is_final(record: &MediaRecord, error: &TransferError, now: Timestamp) -> bool {
    match error {
        TransferError::Integrity(_) => record.integrity_failures + 1 >= INTEGRITY_TRIES,
        error => error.is_final() || has_expired(record, now),
    }
}

fn media_error(error: &TransferError, retryable: bool) -> MediaError {
    MediaError {
        code: error.code().to_owned(),
        message: error.to_string(),
        retryable,
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
