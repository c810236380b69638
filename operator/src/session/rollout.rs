//! The upgrade of the fleet, in stages: which sessions may take a new sidecar image now. Pure.
//!
//! At most so many sessions are down for it at once, those of canary namespaces go first, and after three failures in
//! a row nothing more is begun until one of them works.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

/// Failures in a row after which nothing more is begun.
const STOP_AFTER: usize = 3;
/// How long a session may take to come up on the new image before that is a failure.
const PATIENCE: Duration = Duration::from_mins(5);

/// Which session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What is seen of a session's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Image of the Deployment; none where there is no Deployment yet.
    pub image: Option<String>,
    /// Its pods do their work, or shall not run at all.
    pub health: Health,
}

/// How a session's pods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// They serve, or none is wanted.
    Up,
    /// They don't serve, and may yet.
    Down,
    /// They don't serve, and it is plain that they won't (crash loop, no such image).
    Broken,
}

/// May a session take the new image?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Go,
    /// Later: as many as may be are down.
    Full,
    /// Later: canaries go first.
    Canaries,
    /// Not before one of those that failed works.
    Stopped,
}

/// Every session as far as the upgrade is concerned.
#[derive(Debug)]
pub struct Fleet {
    target: String,
    sessions: BTreeMap<Key, Stage>,
    canaries: BTreeSet<String>,
    waiting: BTreeSet<Key>,
    /// Sessions that are down for the upgrade, kept so that nobody has to count ten thousand.
    down: usize,
    /// Canaries that have yet to show that the new image works; the same.
    unproven: usize,
    failures: usize,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has another image.
    Behind { up: bool },
    /// It took the new one and has yet to come up.
    Rolling { since: Timestamp },
    /// It took the new one and does not come up.
    Failed,
    /// It has the new one; whether it works is not the upgrade's concern.
    Done,
}

// === impl Fleet ===

impl Fleet {
    /// An empty fleet that shall come to the image `target`.
    #[must_use]
    pub const fn new(target: String) -> Self {
        Self {
            target,
            sessions: BTreeMap::new(),
            canaries: BTreeSet::new(),
            waiting: BTreeSet::new(),
            down: 0,
            unproven: 0,
            failures: 0,
        }
    }

    /// Which namespaces go first; answers who shall ask again.
    pub fn set_canaries(&mut self, namespaces: BTreeSet<String>) -> Vec<Key> {
        self.canaries = namespaces;
        self.unproven = self
            .sessions
            .iter()
            .filter(|(key, stage)| self.canaries.contains(&key.namespace) && stage.is_unproven())
            .count();
        self.waiting.iter().cloned().collect()
    }

    /// A session as it was when the operator started. One that has the new image and is down may have been on its way
    /// when a former operator stopped, so that it counts.
    pub fn begin(&mut self, key: Key, seen: &Seen, now: Timestamp) {
        let stage = match self.stage_of(seen) {
            Stage::Done if seen.health != Health::Up => Stage::Rolling { since: now },
            stage => stage,
        };
        self.set(key, Some(stage));
    }

    /// A session as it is; answers who shall ask again.
    pub fn observe(&mut self, key: &Key, seen: &Seen, now: Timestamp) -> Vec<Key> {
        let before = (self.down, self.unproven);
        let stage = match (self.sessions.get(key).copied(), self.stage_of(seen)) {
            // Its Deployment has yet to show the new image.
            (Some(rolling @ Stage::Rolling { .. }), Stage::Behind { .. }) => rolling,
            (Some(rolling @ (Stage::Rolling { .. } | Stage::Failed)), Stage::Done) => {
                self.progress(rolling, seen.health, now)
            }
            (_, stage) => stage,
        };
        self.set(key.clone(), Some(stage));
        self.released(before)
    }

    /// A session is gone; answers who shall ask again.
    pub fn forget(&mut self, key: &Key) -> Vec<Key> {
        let before = (self.down, self.unproven);
        self.waiting.remove(key);
        self.set(key.clone(), None);
        self.released(before)
    }

    /// May a session that was observed take the new image? If so, it is on its way from now on. `limit` is how many
    /// may be down at once.
    pub fn admit(&mut self, key: &Key, limit: usize, now: Timestamp) -> Verdict {
        let Some(Stage::Behind { up }) = self.sessions.get(key).copied() else {
            return Verdict::Go;
        };
        // One that is down anyway loses nothing, and that it stays down tells nothing of the image.
        let (verdict, stage) = if up {
            (self.verdict(key, limit), Stage::Rolling { since: now })
        } else {
            (Verdict::Go, Stage::Done)
        };
        if verdict == Verdict::Go {
            self.waiting.remove(key);
            self.set(key.clone(), Some(stage));
        } else {
            self.waiting.insert(key.clone());
        }
        verdict
    }

    /// Those that are not among the living.
    #[must_use]
    pub fn gone(&self, alive: &BTreeSet<Key>) -> Vec<Key> {
        let gone = self.sessions.keys().filter(|key| !alive.contains(key));
        gone.cloned().collect()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn verdict(&self, key: &Key, limit: usize) -> Verdict {
        if self.failures >= STOP_AFTER {
            Verdict::Stopped
        } else if self.unproven > 0 && !self.canaries.contains(&key.namespace) {
            Verdict::Canaries
        } else if self.down >= limit {
            Verdict::Full
        } else {
            Verdict::Go
        }
    }

    /// What becomes of a session that has the new image and was not known to work on it.
    fn progress(&mut self, stage: Stage, health: Health, now: Timestamp) -> Stage {
        match (stage, health) {
            (_, Health::Up) => {
                self.failures = 0;
                Stage::Done
            }
            (Stage::Rolling { since }, health) => {
                let late = now.duration_since(since).unsigned_abs() > PATIENCE;
                if late || health == Health::Broken {
                    self.failures += 1;
                    Stage::Failed
                } else {
                    stage
                }
            }
            _ => stage,
        }
    }

    fn stage_of(&self, seen: &Seen) -> Stage {
        match &seen.image {
            Some(image) if *image != self.target => Stage::Behind {
                up: seen.health == Health::Up,
            },
            _ => Stage::Done,
        }
    }

    fn set(&mut self, key: Key, stage: Option<Stage>) {
        let canary = self.canaries.contains(&key.namespace);
        let before = match stage {
            Some(stage) => self.sessions.insert(key, stage),
            None => self.sessions.remove(&key),
        };
        let counts =
            |stage: Option<Stage>, test: fn(Stage) -> bool| usize::from(stage.is_some_and(test));
        self.down += counts(stage, Stage::is_down);
        self.down -= counts(before, Stage::is_down);
        if canary {
            self.unproven += counts(stage, Stage::is_unproven);
            self.unproven -= counts(before, Stage::is_unproven);
        }
    }

    /// Who shall ask again after a change: everybody once the canaries are through, else as many as places came free.
    fn released(&self, (down, unproven): (usize, usize)) -> Vec<Key> {
        let freed = if unproven > 0 && self.unproven == 0 {
            self.waiting.len()
        } else {
            down.saturating_sub(self.down)
        };
        let (canaries, others): (Vec<_>, Vec<_>) = self
            .waiting
            .iter()
            .cloned()
            .partition(|key| self.canaries.contains(&key.namespace));
        canaries.into_iter().chain(others).take(freed).collect()
    }
}

// === impl Stage ===

impl Stage {
    const fn is_down(self) -> bool {
        matches!(self, Self::Rolling { .. } | Self::Failed)
    }

    /// For a canary: it still has to show that the new image works. One that was down before can't.
    const fn is_unproven(self) -> bool {
        matches!(
            self,
            Self::Behind { up: true } | Self::Rolling { .. } | Self::Failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "sidecar@sha256:new";
    const OLD: &str = "sidecar@sha256:old";

    fn key(namespace: &str, name: usize) -> Key {
        Key {
            namespace: namespace.to_owned(),
            name: format!("s{name}"),
        }
    }

    fn seen(image: &str, health: Health) -> Seen {
        Seen {
            image: Some(image.to_owned()),
            health,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// So many sessions of a namespace that work on the old image.
    fn fleet(namespaces: &[(&str, usize)]) -> Fleet {
        let mut fleet = Fleet::new(NEW.to_owned());
        fleet.set_canaries(BTreeSet::from(["canary".to_owned()]));
        for (namespace, count) in namespaces {
            for name in 0..*count {
                fleet.begin(key(namespace, name), &seen(OLD, Health::Up), at(0));
            }
        }
        fleet
    }

    fn admitted(fleet: &mut Fleet, namespace: &str, count: usize, limit: usize) -> usize {
        (0..count)
            .filter(|&name| {
                let key = key(namespace, name);
                let behind = matches!(fleet.sessions[&key], Stage::Behind { .. });
                behind && fleet.admit(&key, limit, at(0)) == Verdict::Go
            })
            .count()
    }

    #[test]
    fn at_most_so_many_are_down_at_once() {
        let mut fleet = fleet(&[("a", 20)]);
        assert_eq!(admitted(&mut fleet, "a", 20, 5), 5);
        assert_eq!(fleet.admit(&key("a", 9), 5, at(1)), Verdict::Full);
        // The Deployment has yet to show it: the place is taken all the same.
        assert!(
            fleet
                .observe(&key("a", 0), &seen(OLD, Health::Up), at(1))
                .is_empty()
        );
        assert_eq!(fleet.admit(&key("a", 9), 5, at(1)), Verdict::Full);
        // It is up again, and one of those that wait may ask.
        let woken = fleet.observe(&key("a", 0), &seen(NEW, Health::Up), at(2));
        assert_eq!(woken.len(), 1);
        assert_eq!(fleet.admit(&woken[0], 5, at(2)), Verdict::Go);
        assert_eq!(fleet.admit(&key("a", 11), 5, at(2)), Verdict::Full);
    }

    #[test]
    fn canaries_go_first_and_must_work() {
        let mut fleet = fleet(&[("a", 3), ("canary", 2)]);
        assert_eq!(fleet.admit(&key("a", 0), 5, at(0)), Verdict::Canaries);
        assert_eq!(admitted(&mut fleet, "canary", 2, 5), 2);
        fleet.observe(&key("canary", 0), &seen(NEW, Health::Up), at(1));
        assert_eq!(fleet.admit(&key("a", 0), 5, at(1)), Verdict::Canaries);
        fleet.observe(&key("canary", 1), &seen(NEW, Health::Broken), at(1));
        assert_eq!(fleet.admit(&key("a", 0), 5, at(1)), Verdict::Canaries);
        let woken = fleet.observe(&key("canary", 1), &seen(NEW, Health::Up), at(2));
        assert_eq!(woken, [key("a", 0)]);
        assert_eq!(fleet.admit(&key("a", 0), 5, at(2)), Verdict::Go);
    }

    #[test]
    fn three_failures_in_a_row_stop_it_until_one_works() {
        let mut fleet = fleet(&[("a", 20)]);
        assert_eq!(admitted(&mut fleet, "a", 20, 10), 10);
        for name in [0, 1] {
            fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(1));
        }
        fleet.observe(&key("a", 2), &seen(NEW, Health::Up), at(1));
        assert_eq!(
            fleet.admit(&key("a", 10), 10, at(1)),
            Verdict::Go,
            "not in a row"
        );
        for name in [3, 4, 5] {
            fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(1));
            // Told again and again, it is one failure.
            fleet.observe(&key("a", name), &seen(NEW, Health::Broken), at(2));
        }
        fleet.observe(&key("a", 6), &seen(NEW, Health::Down), at(2));
        assert_eq!(fleet.admit(&key("a", 11), 20, at(2)), Verdict::Stopped);
        fleet.observe(&key("a", 3), &seen(NEW, Health::Up), at(3));
        assert_eq!(fleet.admit(&key("a", 11), 20, at(3)), Verdict::Go);
    }

    #[test]
    fn one_that_does_not_come_up_in_time_has_failed() {
        let mut fleet = fleet(&[("a", 20)]);
        admitted(&mut fleet, "a", 20, 3);
        for name in 0..3 {
            fleet.observe(&key("a", name), &seen(NEW, Health::Down), at(299));
        }
        assert_eq!(fleet.admit(&key("a", 9), 10, at(299)), Verdict::Go);
        for name in 0..3 {
            fleet.observe(&key("a", name), &seen(NEW, Health::Down), at(301));
        }
        assert_eq!(fleet.admit(&key("a", 10), 10, at(301)), Verdict::Stopped);
    }

    #[test]
    fn one_that_is_down_anyway_is_upgraded_and_counts_for_nothing() {
        let mut fleet = fleet(&[("a", 3), ("canary", 1)]);
        fleet.observe(&key("canary", 0), &seen(OLD, Health::Broken), at(0));
        assert_eq!(fleet.admit(&key("canary", 0), 1, at(0)), Verdict::Go);
        fleet.observe(&key("canary", 0), &seen(NEW, Health::Broken), at(1));
        assert_eq!(fleet.admit(&key("a", 0), 1, at(1)), Verdict::Go);
    }

    #[test]
    fn a_restarted_operator_counts_those_that_were_on_their_way() {
        let mut fleet = fleet(&[("a", 10)]);
        for name in 10..12 {
            fleet.begin(key("b", name), &seen(NEW, Health::Down), at(0));
        }
        assert_eq!(admitted(&mut fleet, "a", 10, 5), 3);
    }

    #[test]
    fn one_that_is_deleted_frees_its_place() {
        let mut fleet = fleet(&[("a", 3)]);
        assert_eq!(admitted(&mut fleet, "a", 3, 1), 1);
        assert_eq!(fleet.forget(&key("a", 0)), [key("a", 1)]);
        assert_eq!(fleet.len(), 2);
        assert_eq!(fleet.admit(&key("a", 1), 1, at(0)), Verdict::Go);
    }

    #[test]
    fn a_new_session_has_nothing_to_wait_for() {
        let mut fleet = fleet(&[("a", 1)]);
        let new = key("b", 0);
        let none = Seen {
            image: None,
            health: Health::Down,
        };
        fleet.observe(&new, &none, at(0));
        assert_eq!(fleet.admit(&new, 0, at(0)), Verdict::Go);
        assert_eq!(fleet.down, 0);
    }
}
