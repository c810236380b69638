//! The same question to several hosts, in rounds.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    accept::Ask,
    attempt::{Answer, Fetcher},
    error::CdnError,
    status::Class,
    url::Location,
};

/// How often each host is asked at most.
const ROUNDS: u32 = 3;
/// A longer `Retry-After` is the caller's business, not ours to sit out.
const PATIENCE: Duration = Duration::from_secs(5);

impl Fetcher {
    /// Asks the hosts in turn, beginning at the offset `prefer`; those whose answer may pass are
    /// asked again after a pause. What settles the question (gone, throttled, too large) ends it.
    pub(super) async fn fetch(
        &self,
        location: &Location,
        prefer: usize,
        ask: &Ask,
    ) -> Result<Answer, CdnError> {
        let started = Instant::now();
        let mut hosts = rotated(location.origins.len(), prefer);
        let mut verdict = CdnError::Invalid("there is no CDN host");
        for round in 0..ROUNDS {
            let mut again = Vec::with_capacity(hosts.len());
            let mut pause = self.pause(round);
            for host in hosts {
                let error = match self.attempt(location, (host, location.form), ask).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) if error.settles() => return Err(error),
                    Err(error) => error,
                };
                let wish = error.retry_after().unwrap_or_default();
                if error.passes() && wish <= PATIENCE {
                    again.push(host);
                    pause = pause.max(wish);
                }
                if weight(&error) >= weight(&verdict) {
                    verdict = error;
                }
            }
            let over = started.elapsed() + pause > self.timing.open_window;
            if again.is_empty() || over || round + 1 == ROUNDS {
                break;
            }
            sleep(pause).await;
            hosts = again;
        }
        Err(verdict)
    }

    /// The pause after a round: doubling, and jittered so that many fetches spread out.
    pub(super) fn pause(&self, round: u32) -> Duration {
        let full = self.timing.backoff.saturating_mul(1 << round.min(6));
        full.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

/// Every index below `count` once, beginning at `first` (modulo `count`).
pub(super) fn rotated(count: usize, first: usize) -> Vec<usize> {
    let start = first.checked_rem(count).unwrap_or(0);
    (start..count).chain(0..start).collect()
}

/// Which of several hosts' errors the caller hears: the one that says most.
fn weight(error: &CdnError) -> u8 {
    match (error.class(), error) {
        (_, CdnError::Invalid(_)) => 0,
        (Class::Forbidden, _) => 3,
        (Class::Retry { after: Some(_) }, _) => 2,
        _ => 1,
    }
}
