//! How deliveries to each endpoint go: which fail now, and which answered 410 and are left alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// An endpoint that has failed for so long is told; a shorter trouble is everyday life.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// The troubles of a session's endpoints, by id. An attempt enters its own *before* its delivery is
/// recorded: the record wakes the deliverer, which must already know.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, Trouble>>);

#[derive(Debug)]
enum Trouble {
    Gone,
    Failing { since: Timestamp, error: String },
}

// === impl Health ===

impl Health {
    /// What is wrong with `endpoint`, in words, if it is gone or has failed for more than a minute.
    #[must_use]
    pub fn problem(&self, endpoint: &str, now: Timestamp) -> Option<String> {
        match self.troubles().get(endpoint)? {
            Trouble::Gone => Some("the endpoint answered 410 and is disabled".to_owned()),
            Trouble::Failing { since, error } if now.duration_since(*since) > PATIENCE => {
                Some(format!("no delivery since {since}: {error}"))
            }
            Trouble::Failing { .. } => None,
        }
    }

    /// `endpoint` answered 410; true if that is new.
    pub(super) fn gone(&self, endpoint: &str) -> bool {
        let before = self.troubles().insert(endpoint.to_owned(), Trouble::Gone);
        !matches!(before, Some(Trouble::Gone))
    }

    pub(super) fn is_gone(&self, endpoint: &str) -> bool {
        matches!(self.troubles().get(endpoint), Some(Trouble::Gone))
    }

    /// An attempt failed: the trouble goes on, or begins.
    pub(super) fn failed(&self, endpoint: &str, error: &str, now: Timestamp) {
        let mut troubles = self.troubles();
        let trouble = troubles
            .entry(endpoint.to_owned())
            .or_insert_with(|| Trouble::Failing {
                since: now,
                error: String::new(),
            });
        if let Trouble::Failing { error: last, .. } = trouble {
            error.clone_into(last);
        }
    }

    /// An attempt succeeded: the trouble is over. One that was in flight when its endpoint answered
    /// 410 to another opens it no more.
    pub(super) fn delivered(&self, endpoint: &str) {
        let mut troubles = self.troubles();
        if !matches!(troubles.get(endpoint), Some(Trouble::Gone)) {
            troubles.remove(endpoint);
        }
    }

    /// `endpoint` may be posted to again, if it was gone.
    pub fn reopen(&self, endpoint: &str) {
        let mut troubles = self.troubles();
        if matches!(troubles.get(endpoint), Some(Trouble::Gone)) {
            troubles.remove(endpoint);
        }
    }

    /// Gives the endpoints that are gone another chance.
    pub(super) fn give_another_chance(&self) {
        self.troubles()
            .retain(|_, trouble| !matches!(trouble, Trouble::Gone));
    }

    /// A map of words is whole whatever happened while it was locked.
    fn troubles(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_endpoint_that_fails_for_more_than_a_minute_is_told_until_it_takes_a_delivery() {
        let health = Health::default();
        health.failed("ep", "HttpStatus: 500", at(0));
        health.failed("ep", "ConnectFailed: connect failed", at(50));
        assert_eq!(health.problem("ep", at(60)), None);
        let problem = health.problem("ep", at(61)).unwrap();
        assert!(problem.contains("ConnectFailed"), "{problem}");
        assert_eq!(health.problem("other", at(61)), None);
        health.delivered("ep");
        assert_eq!(health.problem("ep", at(61)), None);
    }

    #[test]
    fn an_endpoint_that_is_gone_is_told_at_once_and_gets_another_chance() {
        let health = Health::default();
        health.failed("ep", "HttpStatus: 500", at(0));
        assert!(health.gone("ep") && !health.gone("ep") && health.is_gone("ep"));
        health.failed("ep", "late", at(1));
        assert!(health.problem("ep", at(1)).unwrap().contains("410"));
        health.delivered("ep");
        assert!(health.is_gone("ep"));
        health.give_another_chance();
        assert!(!health.is_gone("ep") && health.problem("ep", at(99)).is_none());
    }
}
