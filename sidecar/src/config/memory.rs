//! Fail static: in a pod, an object that was there and vanishes stays in use as it last was.
//!
//! A Secret deleted by mistake, or a `TenantStorage` deleted with its sessions left, must not stop what
//! works. Only what vanishes is recalled: an object that was changed is used as it now is, at once.

use std::{cell::RefCell, collections::BTreeMap, mem};

use titan_crds::TenantStorage;

use super::secrets::SecretValue;

/// Namespace and name.
pub(super) type Id = (String, String);

/// What the configuration in force was made of.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) secrets: Recall<BTreeMap<String, SecretValue>>,
    pub(super) config_maps: Recall<BTreeMap<String, Vec<u8>>>,
    pub(super) storages: Recall<TenantStorage>,
}

impl Memory {
    /// What was looked up since is from now on what was there before; the rest is forgotten.
    pub(super) fn keep(&mut self) {
        self.secrets.keep();
        self.config_maps.keep();
        self.storages.keep();
    }
}

/// Objects of one kind, as they were and as they are.
#[derive(Debug)]
pub(super) struct Recall<T> {
    before: BTreeMap<Id, T>,
    now: RefCell<BTreeMap<Id, T>>,
    vanished: RefCell<Vec<Id>>,
}

impl<T> Default for Recall<T> {
    fn default() -> Self {
        Self {
            before: BTreeMap::new(),
            now: RefCell::default(),
            vanished: RefCell::default(),
        }
    }
}

impl<T: Clone> Recall<T> {
    /// The object as it is now, else as it last was.
    pub(super) fn look(&self, id: Id, found: Option<T>) -> Option<T> {
        let object = found.or_else(|| {
            let before = self.before.get(&id).cloned()?;
            self.vanished.borrow_mut().push(id.clone());
            Some(before)
        })?;
        self.now.borrow_mut().insert(id, object.clone());
        Some(object)
    }

    /// Names of those that had to be recalled since the last call.
    pub(super) fn take_vanished(&self) -> Vec<String> {
        let mut names: Vec<String> = mem::take(&mut *self.vanished.borrow_mut())
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        names.dedup();
        names
    }

    fn keep(&mut self) {
        self.before = mem::take(self.now.get_mut());
        self.vanished.get_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Id {
        ("acme".to_owned(), name.to_owned())
    }

    #[test]
    fn what_vanishes_is_recalled_and_what_changes_is_not() {
        let mut recall = Recall::default();
        assert_eq!(recall.look(id("a"), Some(1)), Some(1));
        recall.keep();
        assert_eq!(recall.look(id("a"), Some(2)), Some(2));
        recall.keep();
        assert_eq!(recall.look(id("a"), None), Some(2));
        assert_eq!(recall.take_vanished(), ["a"]);
        recall.keep();
        assert_eq!(recall.look(id("a"), None), Some(2));
        assert_eq!(recall.look(id("b"), None), None);
    }

    #[test]
    fn what_nobody_refers_to_any_more_is_forgotten() {
        let mut recall = Recall::default();
        recall.look(id("a"), Some(1));
        recall.keep();
        recall.keep();
        assert_eq!(recall.look(id("a"), None), None);
        assert!(recall.take_vanished().is_empty());
    }
}
