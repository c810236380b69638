//! When the next check is due, and what its Job is called.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::memory::Attempts;
use crate::names::Owner;

/// Wait after a first check that did not find the bucket ready.
const FIRST: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(5);
/// Doublings after which the longest wait is reached.
const DOUBLINGS: u32 = 5;

/// What a schedule is made of.
#[derive(Clone, Debug)]
pub(super) struct Schedule<'a> {
    /// When the bucket was last checked.
    pub(super) last: Option<Timestamp>,
    /// The last check was of this generation.
    pub(super) known: bool,
    /// The last check found the bucket ready.
    pub(super) ready: bool,
    /// Between two checks of a bucket that is ready.
    pub(super) every: Duration,
    pub(super) attempts: &'a Attempts,
    /// Value of the annotation that asks for a check.
    pub(super) requested: Option<&'a str>,
}

impl Schedule<'_> {
    /// How long until the next check; zero: it is due.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let Some(last) = self.last.filter(|_| self.known && !self.is_requested()) else {
            return Duration::ZERO;
        };
        let pause = if self.ready {
            self.every
        } else {
            let failures = self.attempts.failures.saturating_sub(1).min(DOUBLINGS);
            (FIRST * 2_u32.pow(failures)).min(LONGEST)
        };
        let passed = Duration::try_from(now.duration_since(last)).unwrap_or_default();
        pause.saturating_sub(passed)
    }

    fn is_requested(&self) -> bool {
        self.requested.is_some() && self.requested != self.attempts.requested.as_deref()
    }
}

/// Name of the Job of the next check: `tstore-<name>-<hash>`.
///
/// Its hash is of the generation, the request, and the check before. So it is the same until there is a verdict, also
/// after a restart, and another one after it.
pub(super) fn job_name(
    owner: &Owner,
    generation: i64,
    requested: Option<&str>,
    last: Option<Timestamp>,
) -> String {
    let last = last.map(Timestamp::as_second);
    let state = format!("{}\n{generation}\n{requested:?}\n{last:?}", owner.uid);
    let hash = hex::encode(Sha256::digest(state));
    format!(
        "{}-{}",
        owner.child_name(),
        hash.get(..10).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn wait(failures: u32, ready: bool, now: i64) -> u64 {
        let attempts = Attempts {
            failures,
            ..Attempts::default()
        };
        let schedule = Schedule {
            last: Some(at(1000)),
            known: true,
            ready,
            every: Duration::from_hours(1),
            attempts: &attempts,
            requested: None,
        };
        schedule.wait(at(now)).as_secs()
    }

    #[test]
    fn failed_checks_come_again_after_ten_seconds_doubling_to_five_minutes() {
        let waits: Vec<_> = (1..=7)
            .map(|failures| wait(failures, false, 1000))
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(wait(2, false, 1015), 5);
        assert_eq!(wait(2, false, 1020), 0);
    }

    #[test]
    fn a_bucket_that_is_ready_is_checked_every_so_often() {
        assert_eq!(wait(0, true, 1000), 3600);
        assert_eq!(wait(0, true, 5000), 0);
    }

    #[test]
    fn a_new_generation_and_a_request_are_checked_at_once() {
        let attempts = Attempts {
            requested: Some("a".to_owned()),
            ..Attempts::default()
        };
        let schedule = Schedule {
            last: Some(at(1000)),
            known: true,
            ready: true,
            every: Duration::from_hours(1),
            attempts: &attempts,
            requested: Some("a"),
        };
        assert!(!schedule.wait(at(1001)).is_zero());
        let requested = Schedule {
            requested: Some("b"),
            ..schedule.clone()
        };
        assert!(requested.wait(at(1001)).is_zero());
        let changed = Schedule {
            known: false,
            ..schedule
        };
        assert!(changed.wait(at(1001)).is_zero());
    }

    #[test]
    fn a_job_has_another_name_for_another_check_only() {
        let mut storage =
            titan_crds::TenantStorage::new(&"a".repeat(40), super::super::tests::spec());
        storage.metadata.namespace = Some("acme".to_owned());
        storage.metadata.uid = Some("1".to_owned());
        let owner = Owner::storage(&storage).unwrap();
        let name = |generation, requested, last| job_name(&owner, generation, requested, last);
        let first = name(1, None, None);
        assert!(first.len() <= 63, "{first}");
        assert_eq!(first, name(1, None, None));
        let others = [
            name(2, None, None),
            name(1, Some("x"), None),
            name(1, None, Some(at(5))),
        ];
        assert!(!others.contains(&first));
    }
}
