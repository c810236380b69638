//! What a session does by the clock: events whose hold runs out, and pruning. And once per store
//! key: sealing under it what is not yet.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Session;
use crate::{clock, config::SessionConfig};

/// Between two prunings.
const PRUNE_EVERY: Duration = Duration::from_secs(30);

/// Between two tries while the store can't be written: what is overdue stays overdue.
const RECHECK: Duration = Duration::from_secs(1);

/// Longest sleep, so that a changed clock is noticed.
const LONGEST: Duration = Duration::from_secs(5);

/// Runs until the session stops. Errors of the store are logged and tried again: the next round
/// does what this one could not.
pub(super) async fn run(session: Arc<Session>, mut config: watch::Receiver<Arc<SessionConfig>>) {
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    prune.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    config.mark_changed();
    loop {
        let mut changed = pin!(session.store().holds_changed().notified());
        changed.as_mut().enable();
        let release = tokio::time::sleep(until_next_release(&session).await);
        tokio::select! {
            () = session.stopping().cancelled() => return,
            () = changed => {}
            () = release => release_overdue(&session).await,
            _ = prune.tick() => prune_records(&session).await,
            Ok(()) = config.changed() => reseal(&session).await,
        }
    }
}

async fn until_next_release(session: &Session) -> Duration {
    match session.store().next_hold_deadline().await {
        Ok(Some(deadline)) => Duration::try_from(deadline.duration_since(clock::now()))
            .unwrap_or_default()
            .min(LONGEST),
        Ok(None) => LONGEST,
        Err(error) => {
            tracing::warn!(session = %session.key(), %error, "can't read hold deadlines");
            LONGEST
        }
    }
}

async fn release_overdue(session: &Session) {
    if let Err(error) = session.store().release_overdue(clock::now(), false).await {
        tracing::warn!(session = %session.key(), %error, "can't release held events");
        tokio::select! {
            () = session.stopping().cancelled() => {}
            () = tokio::time::sleep(RECHECK) => {}
        }
    }
}

/// Media keys that were kept open while the store key was missing, or sealed under an older one.
async fn reseal(session: &Session) {
    match session.store().reseal().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(session = %session.key(), count, "media keys sealed anew"),
        Err(error) => {
            tracing::warn!(session = %session.key(), %error, "can't seal media keys anew");
        }
    }
}

async fn prune_records(session: &Session) {
    let retention = session.config().retention;
    if let Err(error) = session.store().prune(clock::now(), retention).await {
        tracing::warn!(session = %session.key(), %error, "can't prune records");
    }
}
