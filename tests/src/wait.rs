//! Waiting on conditions: a deadline and a poll, never a sleep that stands for proof.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How often a condition is asked again.
const POLL: Duration = Duration::from_millis(20);

/// The deadline of conditions that need no more than the product's own work.
pub const SOON: Duration = Duration::from_secs(30);

/// The deadline of conditions that include back-off, restarts or large files.
pub const LATER: Duration = Duration::from_mins(2);

/// Polls `condition` until it yields a value, and panics with `what` once `deadline` is over.
pub async fn eventually<T, F, Fut>(deadline: Duration, what: impl Display, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// [`eventually`] for a condition that is only true or false.
pub async fn until<F, Fut>(deadline: Duration, what: impl Display, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    eventually(deadline, what, || {
        let answer = condition();
        async move { answer.await.then_some(()) }
    })
    .await;
}

/// The wall clock.
#[must_use]
pub fn now() -> jiff::Timestamp {
    #[allow(
        clippy::disallowed_methods,
        reason = "tests stand at the edge where time enters"
    )]
    jiff::Timestamp::now()
}
