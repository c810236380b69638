//! Reads the chunks that are queued, one after the other: what a phone has to tell is not in a hurry.

use std::{pin::pin, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::chunk::{self, ChunkError};
use crate::{
    clock,
    session::{CDN_RETENTION, Session},
    store::{HistoryChunk, StoreError},
    transfer::{TransferError, backoff},
};

/// Tries of a chunk whose bytes are wrong; each begins with another host.
const TRIES: u32 = 3;

/// Between two looks at a queue that can't be read or written.
const RECHECK: Duration = Duration::from_secs(1);

/// Runs until the session stops.
pub async fn run(session: Arc<Session>) {
    while !session.stopping().is_cancelled() {
        // Listens before it looks, so that nothing queued in between is overslept.
        let mut rung = pin!(session.history_bell().notified());
        rung.as_mut().enable();
        let pause = match step(&session).await {
            Ok(None) => continue,
            Ok(Some(pause)) => pause,
            Err(error) => {
                tracing::error!(session = %session.key(), %error, "the queue of history can't be read or written");
                RECHECK
            }
        };
        tokio::select! {
            () = session.stopping().cancelled() => {}
            () = rung => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Reads one chunk; or answers how long nothing is due.
async fn step(session: &Session) -> Result<Option<Duration>, StoreError> {
    let Some(chunk) = session.store().due_history(clock::now()).await? else {
        let due = session.store().next_history_due().await?;
        let pause = due.map_or(backoff::MAX, |due| {
            Duration::try_from(due.duration_since(clock::now())).unwrap_or_default()
        });
        return Ok(Some(pause.min(backoff::MAX)));
    };
    let read = {
        let Ok(_permit) = session.shared().slots.acquire().await else {
            return Ok(Some(RECHECK));
        };
        session
            .stopping()
            .run_until_cancelled(chunk::read(session, &chunk))
            .await
    };
    match read {
        // It begins anew with the next start.
        None => {}
        Some(Ok(read)) => {
            tracing::info!(session = %session.key(), chunk = %chunk.id, ?read, "history was read");
            let metrics = &session.shared().metrics;
            metrics.count_inbound(read.new as u64, read.known as u64, read.ignored as u64);
            session.store().drop_history(&chunk.id).await?;
        }
        Some(Err(error)) => settle(session, &chunk, &error).await?,
    }
    Ok(None)
}

async fn settle(
    session: &Session,
    chunk: &HistoryChunk,
    error: &ChunkError,
) -> Result<(), StoreError> {
    let now = clock::now();
    if is_final(chunk, error, now) {
        tracing::error!(session = %session.key(), chunk = %chunk.id, %error, "history is given up");
        return session.store().drop_history(&chunk.id).await;
    }
    let asked = match error {
        ChunkError::Transfer(error) => error.retry_after(),
        _ => None,
    };
    let pause = backoff::pause(chunk.attempts.saturating_add(1), asked, rand::random());
    tracing::warn!(session = %session.key(), chunk = %chunk.id, %error, ?pause, "history is tried again");
    session
        .store()
        .postpone_history(&chunk.id, pause, now)
        .await
}

/// Whether no other try can end otherwise.
fn is_final(chunk: &HistoryChunk, error: &ChunkError, now: Timestamp) -> bool {
    let expired = now.duration_since(chunk.queued_at) > CDN_RETENTION;
    match error {
        ChunkError::Notification(_)
        | ChunkError::Inflate(_)
        | ChunkError::Walk(_)
        | ChunkError::Transfer(
            TransferError::Invalid(_) | TransferError::TooLarge { .. } | TransferError::Gone,
        ) => true,
        ChunkError::Transfer(TransferError::Integrity(_)) => chunk.attempts + 1 >= TRIES,
        ChunkError::Transfer(_) => expired,
        // It is read once it can be kept.
        ChunkError::Store(_) => false,
    }
}
