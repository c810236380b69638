//! Whether the process takes work, and what keeps parts of it from working.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::config::{ConfigError, SessionConfig};

/// Set once the data directory is ours, a configuration is in force and every store is open; unset
/// when the process stops.
#[derive(Debug, Default)]
pub struct Readiness {
    ready: AtomicBool,
    told: Mutex<Told>,
}

/// A session that can't start now.
#[derive(Debug, Clone)]
pub struct Failed {
    /// As it should run.
    pub config: Arc<SessionConfig>,
    /// Why it does not.
    pub error: String,
}

#[derive(Debug, Default)]
struct Told {
    failed: Vec<Failed>,
    suspended: Vec<Arc<SessionConfig>>,
    config_error: Option<String>,
}

impl Readiness {
    /// The process takes work, or no longer does.
    pub fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Does the process take work?
    #[must_use]
    pub fn get(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Sessions that can't start now.
    pub fn set_failed(&self, failed: Vec<Failed>) {
        self.told().failed = failed;
    }

    /// What [`Readiness::set_failed`] said last.
    #[must_use]
    pub fn failed(&self) -> Vec<Failed> {
        self.told().failed.clone()
    }

    /// Is there a session that can't start now?
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.told().failed.is_empty()
    }

    /// Sessions that are stopped because their spec says so.
    pub fn set_suspended(&self, suspended: Vec<Arc<SessionConfig>>) {
        self.told().suspended = suspended;
    }

    /// What [`Readiness::set_suspended`] said last.
    #[must_use]
    pub fn suspended(&self) -> Vec<Arc<SessionConfig>> {
        self.told().suspended.clone()
    }

    /// The newest configuration was refused.
    pub fn refuse_config(&self, error: &ConfigError) {
        self.told().config_error = Some(error.to_string());
    }

    /// The newest configuration is in force.
    pub fn accept_config(&self) {
        self.told().config_error = None;
    }

    /// Why the newest configuration was refused.
    #[must_use]
    pub fn config_error(&self) -> Option<String> {
        self.told().config_error.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
