//! The worker of a session's outgoing queue: one message per chat at a time, several chats side by
//! side, each outcome written before the next of its chat.

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use jiff::SignedDuration;
use tokio::{sync::watch, task::JoinSet};

use super::deliver::{self, Delivered};
use crate::{
    clock,
    config::SessionConfig,
    metrics::Outcome,
    session::Session,
    store::{ClaimedSend, SendError, StoreError},
    transfer::backoff,
};

/// Chats served at once.
const AT_ONCE: usize = 8;

/// Between two looks at a queue that can't be read or written.
const RECHECK: Duration = Duration::from_secs(1);

/// How long a message that nobody waits for is tried.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Sends what the session's queue holds, until the session stops; then lets what runs finish.
pub async fn run(session: Arc<Session>, mut config: watch::Receiver<Arc<SessionConfig>>) {
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        // Listens before it looks, so that nothing queued in between is overslept.
        let mut changed = pin!(session.store().sends_changed().notified());
        changed.as_mut().enable();
        let pause = match next(&session, running.len()).await {
            Ok(Some(claimed)) => {
                let session = session.clone();
                running.spawn(async move { settle(&session, claimed).await });
                continue;
            }
            Ok(None) => until_next_due(&session).await,
            Err(error) => {
                tracing::error!(session = %session.key(), %error, "can't take messages from the queue");
                RECHECK
            }
        };
        tokio::select! {
            biased;
            () = session.stopping().cancelled() => break,
            Some(_ended) = running.join_next() => {}
            () = changed => {}
            // Another gateway, or its key is there now.
            Ok(()) = config.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn next(session: &Session, running: usize) -> Result<Option<ClaimedSend>, StoreError> {
    if running >= AT_ONCE || session.stopping().is_cancelled() {
        return Ok(None);
    }
    session.store().claim_send(clock::now()).await
}

async fn until_next_due(session: &Session) -> Duration {
    match session.store().next_send_due().await {
        // One that is due and can't be taken is another replica's to send, or all places are taken.
        Ok(Some(due)) => Duration::try_from(due.duration_since(clock::now()))
            .unwrap_or_default()
            .clamp(RECHECK, backoff::MAX),
        Ok(None) => backoff::MAX,
        Err(_) => RECHECK,
    }
}

/// Makes one try and writes its outcome. The store is asked until it answers: a message that was sent
/// must not be sent again because a disk was full.
async fn settle(session: &Session, claimed: ClaimedSend) {
    let outcome = AssertUnwindSafe(attempt(session, &claimed)).catch_unwind();
    let outcome = tokio::select! {
        outcome = outcome => outcome.unwrap_or_else(|_| Err(internal())),
        // Left running: the next start decides.
        () = session.aborting().cancelled() => return,
    };
    let mut pause = RECHECK;
    while let Err(error) = write(session, &claimed, &outcome).await {
        tracing::error!(session = %session.key(), command = claimed.id, %error, "can't write what became of a message");
        tokio::select! {
            () = session.aborting().cancelled() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(backoff::MAX),
        }
    }
    session.outgoings().changed();
}

async fn attempt(session: &Session, claimed: &ClaimedSend) -> Result<Delivered, SendError> {
    match &claimed.dispatch {
        Ok(dispatch) => deliver::deliver(session, dispatch).await,
        Err(unreadable) => Err(unreadable.clone()),
    }
}

async fn write(
    session: &Session,
    claimed: &ClaimedSend,
    outcome: &Result<Delivered, SendError>,
) -> Result<(), StoreError> {
    let (store, now) = (session.store(), clock::now());
    let count = |outcome| {
        let sends = &session.shared().metrics.sends;
        sends.get_or_create(&Outcome { outcome }).inc();
    };
    match outcome {
        Ok(Delivered { sent, kept }) => {
            let sent = sent.clone();
            match kept.clone() {
                Some(kept) => {
                    store
                        .send_done_and_kept(&claimed.id, sent, kept, now)
                        .await?;
                }
                None => store.send_done(&claimed.id, sent, now).await?,
            }
            count("sent");
            tracing::info!(session = %session.key(), command = claimed.id, "message sent");
        }
        Err(error) if error.retryable && may_wait(claimed, now) => {
            let pause = backoff::pause(claimed.attempts.saturating_add(1), None, rand::random());
            let due = now.checked_add(pause).unwrap_or(now);
            store.send_waiting(&claimed.id, due).await?;
            count("waiting");
            tracing::warn!(session = %session.key(), command = claimed.id, code = error.code, reason = error.message, "message not sent yet");
            return Ok(());
        }
        Err(error) => {
            store.send_failed(&claimed.id, error.clone(), now).await?;
            count("failed");
            tracing::warn!(session = %session.key(), command = claimed.id, code = error.code, reason = error.message, "message not sent");
        }
    }
    session.drop_spooled(&claimed.id).await;
    Ok(())
}

fn may_wait(claimed: &ClaimedSend, now: jiff::Timestamp) -> bool {
    claimed.patient && now.duration_since(claimed.created_at) < LONGEST
}

fn internal() -> SendError {
    SendError {
        code: "internal".to_owned(),
        message: "the sidecar failed on this message".to_owned(),
        retryable: false,
    }
}
