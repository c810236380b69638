//! Which sessions store where: from a storage to its sessions without a scan.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

/// Namespace and name of an object.
type Object = (String, String);

/// Which sessions store where.
#[derive(Debug, Default)]
pub struct StorageIndex {
    maps: Mutex<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    sessions: HashMap<Object, BTreeSet<String>>,
    storages: HashMap<Object, String>,
}

impl StorageIndex {
    /// A session stores there now; `None`: nowhere, or it is gone.
    pub fn set(&self, namespace: &str, session: &str, storage: Option<String>) {
        let mut maps = self.lock();
        let key = (namespace.to_owned(), session.to_owned());
        if maps.storages.get(&key) == storage.as_ref() {
            return;
        }
        if let Some(before) = maps.storages.remove(&key) {
            let before = (namespace.to_owned(), before);
            if let Some(sessions) = maps.sessions.get_mut(&before) {
                sessions.remove(session);
                if sessions.is_empty() {
                    maps.sessions.remove(&before);
                }
            }
        }
        if let Some(storage) = storage {
            maps.sessions
                .entry((namespace.to_owned(), storage.clone()))
                .or_default()
                .insert(session.to_owned());
            maps.storages.insert(key, storage);
        }
    }

    /// The sessions that store there, by name.
    #[must_use]
    pub fn sessions(&self, namespace: &str, storage: &str) -> Vec<String> {
        self.lock()
            .sessions
            .get(&(namespace.to_owned(), storage.to_owned()))
            .map(|sessions| sessions.iter().cloned().collect())
            .unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_under_the_storage_that_it_names_now() {
        let index = StorageIndex::default();
        index.set("a", "one", Some("s3".to_owned()));
        index.set("a", "two", Some("s3".to_owned()));
        index.set("b", "one", Some("s3".to_owned()));
        assert_eq!(index.sessions("a", "s3"), ["one", "two"]);
        index.set("a", "one", Some("other".to_owned()));
        assert_eq!(index.sessions("a", "s3"), ["two"]);
        assert_eq!(index.sessions("a", "other"), ["one"]);
        index.set("a", "two", None);
        assert!(index.sessions("a", "s3").is_empty());
        assert_eq!(index.sessions("b", "s3"), ["one"]);
        assert_eq!(index.lock().sessions.len(), 2);
    }
}
