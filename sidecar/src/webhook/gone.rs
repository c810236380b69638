//! Endpoints that answered 410 and are left alone.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids of the endpoints that are gone. An attempt enters its endpoint *before* its own delivery is
/// recorded: the record wakes the deliverer, which must already know.
#[derive(Debug, Default)]
pub(super) struct Gone(Mutex<BTreeSet<String>>);

// === impl Gone ===

impl Gone {
    /// Enters `endpoint`; true if it is new here.
    pub(super) fn enter(&self, endpoint: &str) -> bool {
        self.ids().insert(endpoint.to_owned())
    }

    pub(super) fn contains(&self, endpoint: &str) -> bool {
        self.ids().contains(endpoint)
    }

    /// Gives every endpoint another chance.
    pub(super) fn clear(&self) {
        self.ids().clear();
    }

    /// A set of words is whole whatever happened while it was locked.
    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
