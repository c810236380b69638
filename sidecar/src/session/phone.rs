//! Asks the phone for files that have left WhatsApp's CDN, one question after the other, and takes what it
//! answers, whenever that is.

use std::{pin::pin, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use waproto::buffa::Message as _;
use waproto::whatsapp::{MediaRetryNotification, media_retry_notification::ResultType};

use super::{Linked, Session, accept::expiry};
use crate::{
    cdn, clock,
    device::{
        CallError, Phase,
        words::{MediaRetry, MediaRetryAnswer},
    },
    media::{MediaKey, open_retry},
    message::MediaId,
    metrics::Outcome,
    store::{MediaError, MediaRecord, PhoneAnswer, StoreError},
    transfer::backoff,
};

/// Between two questions: after days away there may be thousands.
const PACE: Duration = Duration::from_millis(100);

/// When a phone is asked again that answered nothing of use.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// What came of a look at the questions that are due.
enum Look {
    Asked,
    /// Nothing is due before that.
    Idle(Duration),
    /// The program, or the store, can't take it now.
    Failed,
}

/// Asks until `stop`. A question that the program does not take was not asked: it is tried again, and at
/// once when the device is connected.
pub(super) async fn run(session: Arc<Session>, stop: CancellationToken) {
    let Some(device) = session.device() else {
        return;
    };
    let mut states = device.status.subscribe();
    let mut failures: u32 = 0;
    loop {
        let mut changed = pin!(session.store.questions_changed().notified());
        changed.as_mut().enable();
        let looking = Box::pin(next(&session, device));
        let Some(look) = stop.run_until_cancelled(looking).await else {
            return;
        };
        let pause = match look {
            Look::Asked => PACE,
            Look::Idle(pause) => pause,
            Look::Failed => {
                failures = failures.saturating_add(1);
                backoff::pause(failures, None, rand::random())
            }
        };
        let failed = matches!(look, Look::Failed);
        if !failed {
            failures = 0;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = connected(&mut states), if failed => failures = 0,
            () = changed, if matches!(look, Look::Idle(_)) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits until the device says that it is connected now.
async fn connected(states: &mut tokio::sync::watch::Receiver<Option<crate::device::Status>>) {
    while states.changed().await.is_ok() {
        let newest = states.borrow_and_update();
        if newest
            .as_ref()
            .is_some_and(|status| status.phase == Phase::Connected)
        {
            return;
        }
    }
    std::future::pending::<()>().await;
}

async fn next(session: &Session, device: &Linked) -> Look {
    let found = match due(session).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(session = %session.key, %error, "can't read what the phone is to be asked");
            return Look::Failed;
        }
    };
    match found {
        Ok(record) => ask(session, device, &record).await,
        Err(pause) => Look::Idle(pause.min(backoff::MAX)),
    }
}

/// What is to be asked now, or how long there is nothing. Then nothing is written either.
async fn due(session: &Session) -> Result<Result<Box<MediaRecord>, Duration>, StoreError> {
    let now = clock::now();
    let Some(due) = session.store.next_question_due().await? else {
        return Ok(Err(Duration::MAX));
    };
    if due > now {
        let left = Duration::try_from(due.duration_since(now));
        return Ok(Err(left.unwrap_or_default()));
    }
    // What is due and can't be asked waits for the answer about another file of its message.
    let claimed = session.store.claim_question(now).await?;
    Ok(claimed.map(Box::new).ok_or(Duration::MAX))
}

async fn ask(session: &Session, device: &Linked, record: &MediaRecord) -> Look {
    let trace = record.message.trace_id(&session.key);
    let asked = match question(record) {
        Some(question) => device.client.media_retry(&question).await.map(|()| true),
        None => Ok(false),
    };
    let written = match asked {
        Ok(true) => {
            tracing::info!(session = %session.key, trace, media = %record.id, "the phone is asked for the file");
            session.count_question("asked");
            session.store.phone_asked(&record.id, clock::now()).await
        }
        Ok(false) => never_asked(session, record).await,
        Err(CallError::Refused { status, .. }) if status == StatusCode::BAD_REQUEST => {
            never_asked(session, record).await
        }
        Err(error) => {
            tracing::info!(session = %session.key, trace, media = %record.id, %error, "the phone is not asked yet");
            return Look::Failed;
        }
    };
    session.media_changed();
    match written {
        Ok(()) => Look::Asked,
        Err(error) => {
            tracing::warn!(session = %session.key, media = %record.id, %error, "the phone will be asked again");
            Look::Failed
        }
    }
}

fn question(record: &MediaRecord) -> Option<MediaRetry> {
    let key = record.reference.media_key.as_ref()?;
    let message = &record.message;
    Some(MediaRetry {
        id: message.id.clone(),
        chat: message.chat.clone(),
        participant: message.participant.clone(),
        from_me: message.from_me,
        media_key: STANDARD.encode(key.0),
    })
}

/// No phone can be asked so.
async fn never_asked(session: &Session, record: &MediaRecord) -> Result<(), StoreError> {
    let answer = PhoneAnswer::Lacks(gone("the phone can't be asked for the file"));
    session.take_answer(&record.id, answer, clock::now()).await
}

/// The file will not come.
fn gone(why: &str) -> MediaError {
    MediaError {
        code: "media_expired".to_owned(),
        message: format!("the file is no longer on WhatsApp's CDN, and {why}"),
        retryable: false,
    }
}

impl Session {
    /// The phone answers about the message `id`. What nobody asked, or was answered before, changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// When the store can't keep it: then it is to come again.
    pub(super) async fn phone_answers(
        &self,
        id: &str,
        answer: MediaRetryAnswer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(media) = self.store.asked_about(id).await? else {
            tracing::debug!(session = %self.key, "the phone answers what nobody asks");
            return Ok(());
        };
        let answer = match answer {
            MediaRetryAnswer::Sealed { ciphertext, iv } => {
                let record = match self.store.media(&media).await {
                    // Without the store key nobody can read it, however often it comes.
                    Err(StoreError::Seal(_)) => None,
                    record => record?,
                };
                let key = record.and_then(|record| record.reference.media_key);
                key.and_then(|key| opened(&key, id, &ciphertext, &iv))
                    .unwrap_or(MediaRetryAnswer::GeneralError)
            }
            open => open,
        };
        self.take_answer(&media, meaning(answer, now), now).await
    }

    async fn take_answer(
        &self,
        media: &MediaId,
        answer: PhoneAnswer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = match answer {
            PhoneAnswer::Found { .. } => "found",
            PhoneAnswer::Lacks(_) => "not_found",
            PhoneAnswer::Unclear { .. } => "unclear",
        };
        if self.store.phone_answered(media, answer, now).await? {
            tracing::info!(session = %self.key, %media, outcome, "the phone answered");
            self.count_question(outcome);
            self.media_changed();
        }
        Ok(())
    }

    fn count_question(&self, outcome: &'static str) {
        let questions = &self.shared.metrics.media_retries;
        questions.get_or_create(&Outcome { outcome }).inc();
    }
}

/// What an answer means for the file. Pure.
fn meaning(answer: MediaRetryAnswer, now: Timestamp) -> PhoneAnswer {
    match answer {
        MediaRetryAnswer::Success { direct_path }
            if cdn::url::check_direct_path(&direct_path).is_ok() =>
        {
            PhoneAnswer::Found {
                expires_at: expiry(Some(&direct_path), now),
                direct_path,
            }
        }
        MediaRetryAnswer::NotFound => PhoneAnswer::Lacks(gone("the phone does not have it")),
        MediaRetryAnswer::DecryptionError => {
            PhoneAnswer::Lacks(gone("the phone knows it under another key"))
        }
        MediaRetryAnswer::Success { .. }
        | MediaRetryAnswer::GeneralError
        | MediaRetryAnswer::Sealed { .. }
        | MediaRetryAnswer::Unknown => PhoneAnswer::Unclear {
            again_at: now.checked_add(AGAIN).unwrap_or(Timestamp::MAX),
            error: gone("the phone could not upload it"),
        },
    }
}

/// An answer that was sealed with the file's key, where it is about its message.
fn opened(key: &MediaKey, id: &str, ciphertext: &str, iv: &str) -> Option<MediaRetryAnswer> {
    let (sealed, iv) = (STANDARD.decode(ciphertext).ok()?, STANDARD.decode(iv).ok()?);
    let plain = open_retry(key, id, &iv, &sealed).ok()?;
    let said = MediaRetryNotification::decode_from_slice(&plain).ok()?;
    if said.stanza_id.as_deref() != Some(id) {
        return None;
    }
    Some(match said.result? {
        ResultType::SUCCESS => MediaRetryAnswer::Success {
            direct_path: said.direct_path?,
        },
        ResultType::NOT_FOUND => MediaRetryAnswer::NotFound,
        ResultType::DECRYPTION_ERROR => MediaRetryAnswer::DecryptionError,
        ResultType::GENERAL_ERROR => MediaRetryAnswer::GeneralError,
    })
}

#[cfg(test)]
#[path = "phone_tests.rs"]
mod tests;
