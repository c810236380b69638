//! The upgrade of the fleet, in stages: which sessions may take new images now. Pure.
//!
//! At most so many sessions are down for it at once, those of canary namespaces go first, and after three failures in
//! a row nothing more is begun until one of them works.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::image::Images;

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
    /// Images of the Deployment; none where there is no Deployment yet.
    pub images: Option<Images>,
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
    target: Images,
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
    /// An empty fleet that shall come to the images `target`.
    #[must_use]
    pub const fn new(target: Images) -> Self {
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
        match &seen.images {
            Some(images) if images.differ_from(&self.target) => Stage::Behind {
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
