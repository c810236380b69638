//! The running sessions by API name.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::session::Session;

/// Sessions by API name. Sessions come and go while the process runs.
#[derive(Debug, Default)]
pub struct Registry(RwLock<BTreeMap<String, Arc<Session>>>);

impl Registry {
    /// The session of an API name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Session>> {
        self.read(|sessions| sessions.get(name).cloned())
    }

    /// Every session, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.read(|sessions| sessions.values().cloned().collect())
    }

    /// Every session that this API key opens.
    #[must_use]
    pub fn opened_by(&self, token: &str) -> Vec<Arc<Session>> {
        let mut sessions = self.all();
        sessions.retain(|session| session.config().api_keys.accept(token));
        sessions
    }

    /// Adds a session.
    pub fn insert(&self, session: Arc<Session>) {
        let name = session.key().session.clone();
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, session);
    }

    /// Takes a session out; it no longer answers.
    pub fn remove(&self, name: &str) -> Option<Arc<Session>> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name)
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<String, Arc<Session>>) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
