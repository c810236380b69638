//! What is kept of a storage between two reconciles and is worth no place in its status.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use titan_crds::{ConditionType, TenantStorageStatus};

use super::{
    dereference::Facts,
    validate::{Check, ValidatedStorage},
};
use crate::conditions::is_true;

/// How often the check of one state of a storage failed, and which request was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempts {
    pub(super) generation: i64,
    /// Value of the annotation when the last check began.
    pub(super) requested: Option<String>,
    /// Checks in a row that did not find the bucket ready.
    pub(super) failures: u32,
}

/// By uid.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Attempts>>);

impl Memory {
    /// The attempts so far.
    ///
    /// After a start nothing is known; a request whose value is no time is then taken for answered if the bucket was
    /// ever checked: asking once too rarely after a restart is better than a write to every storage.
    pub(super) fn of(&self, facts: &Facts) -> Attempts {
        let first = || {
            let last = facts.status.last_probe_time.as_ref().map(|time| time.0);
            Attempts {
                generation: facts.generation,
                requested: facts
                    .requested
                    .clone()
                    .filter(|value| last.is_some_and(|last| is_answered(value, last))),
                failures: 0,
            }
        };
        let mut all = self.lock();
        let attempts = all.entry(facts.owner.uid.clone()).or_insert_with(first);
        if attempts.generation != facts.generation || attempts.requested != facts.requested {
            // Somebody changed something: the next tries come soon again.
            attempts.failures = 0;
            attempts.generation = facts.generation;
        }
        attempts.clone()
    }

    /// A verdict is in the status.
    pub(super) fn record(&self, validated: &ValidatedStorage, status: &TenantStorageStatus) {
        let facts = &validated.facts;
        let mut all = self.lock();
        let attempts = all.entry(facts.owner.uid.clone()).or_default();
        if validated.news.is_some() {
            attempts.requested.clone_from(&facts.requested);
        }
        if is_true(&status.conditions, ConditionType::Ready) {
            attempts.failures = 0;
        } else if matches!(validated.check, Check::Ended { .. }) {
            attempts.failures = attempts.failures.saturating_add(1);
        }
    }

    /// Only storages of these uids are still there.
    pub(super) fn retain(&self, uids: &HashSet<String>) {
        self.lock().retain(|uid, _| uids.contains(uid));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Attempts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_answered(value: &str, last: Timestamp) -> bool {
    value
        .parse::<Timestamp>()
        .map_or(true, |asked| asked <= last)
}
