//! Checks the session's bucket: at the start, when it or its keys were changed, when the keys expire,
//! every `probe.every`, and again and again while it is down. So a session without traffic knows its bucket too, and what waits for the
//! bucket goes on as soon as it is back.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Session, storage::Current};
use crate::{bucket::Effort, clock, config::SessionConfig};

/// Pause after the first check of a bucket that is down.
const FIRST: Duration = Duration::from_secs(10);

/// Longest pause while a bucket is down.
const LONGEST: Duration = Duration::from_mins(5);

/// Runs until the session stops.
pub(super) async fn run(session: Arc<Session>, mut config: watch::Receiver<Arc<SessionConfig>>) {
    loop {
        let current = session.current_bucket();
        tokio::select! {
            () = session.stopping().cancelled() => return,
            () = watch_over(&session, &current) => {}
            () = current.keep_keys() => {}
            changed = replaced(&session, &current, &mut config) => if changed.is_err() { return },
        }
    }
}

/// Checks one bucket for as long as it is the session's.
async fn watch_over(session: &Session, current: &Current) {
    let mut failures = 0;
    loop {
        check(session, current).await;
        failures = if current.is_down() { failures + 1 } else { 0 };
        let pause = if failures == 0 {
            session.config().probe_every.min(until_expiry(current))
        } else {
            pause(failures)
        };
        let mut due = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(due) => break,
                () = current.renewed() => break,
                // A transfer failed meanwhile.
                () = session.bucket_trouble.notified(), if failures == 0 => {
                    failures = 1;
                    due = due.min(Instant::now() + FIRST);
                }
            }
        }
    }
}

/// How long the keys live on, where that is known.
fn until_expiry(current: &Current) -> Duration {
    let keys = current.bucket().and_then(|bucket| bucket.keys());
    let end = keys.and_then(|keys| keys.expires_at);
    let left = |end: Timestamp| Duration::try_from(end.duration_since(clock::now()));
    end.map_or(Duration::MAX, |end| left(end).unwrap_or_default())
}

async fn check(session: &Session, current: &Current) {
    let Some(bucket) = current.bucket() else {
        return;
    };
    let effort = if current.is_down() {
        Effort::Write
    } else {
        Effort::Look
    };
    let verdict = bucket.probe(effort, clock::now()).await;
    if current.outweighs(&verdict) {
        return;
    }
    if let Err(error) = session.bucket_checked(current, verdict).await {
        tracing::warn!(session = %session.key(), %error, "can't act on the bucket's state");
    }
}

/// Waits until the session has another bucket, or other credentials for it.
async fn replaced(
    session: &Session,
    current: &Arc<Current>,
    config: &mut watch::Receiver<Arc<SessionConfig>>,
) -> Result<(), watch::error::RecvError> {
    while Arc::ptr_eq(&session.current_bucket(), current) {
        config.changed().await?;
    }
    Ok(())
}

/// The pause after so many failures in a row: 10 s, doubling to 5 min.
fn pause(failures: u32) -> Duration {
    FIRST
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_ten_seconds_to_five_minutes() {
        let seconds: Vec<u64> = [1, 2, 3, 5, 6, 40, u32::MAX]
            .map(|failures| pause(failures).as_secs())
            .to_vec();
        assert_eq!(seconds, [10, 20, 40, 160, 300, 300, 300]);
    }
}
