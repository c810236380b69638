//! What is known of every child without asking: who it is, and whether it is as it was applied.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::fields::{Fingerprint, ownership};

/// Which child.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Kind.
    pub kind: &'static str,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What is known of a child. There are six for each session: it holds no more than it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Uid.
    pub uid: Box<str>,
    /// Fingerprint of the fields that are ours.
    ownership: Option<Fingerprint>,
    /// Fingerprint of the desired state that the child is known to be in.
    verified: Option<Fingerprint>,
}

/// What is known of every child, from the watches and from our own writes.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<HashMap<Key, Entry>>,
}

impl Ledger {
    /// The watch showed a child.
    pub fn observe(&self, key: Key, metadata: &ObjectMeta, manager: &str) {
        let Some(uid) = metadata.uid.as_deref() else {
            return;
        };
        let seen = ownership(metadata, manager);
        let mut entries = self.lock();
        match entries.get(&key) {
            Some(entry) if *entry.uid == *uid && entry.ownership == seen => {}
            _ => {
                let entry = Entry {
                    uid: uid.into(),
                    ownership: seen,
                    verified: None,
                };
                entries.insert(key, entry);
            }
        }
    }

    /// The watch showed that a child is gone. An older incarnation's end says nothing of a newer one.
    pub fn gone(&self, key: &Key, uid: Option<&str>) {
        let mut entries = self.lock();
        if entries
            .get(key)
            .is_some_and(|entry| uid.is_none_or(|uid| *entry.uid == *uid))
        {
            entries.remove(key);
        }
    }

    /// A namespace (`None`: all) was listed anew: the children of that kind that were not seen are gone. They are
    /// named.
    pub fn listed(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
        seen: &HashSet<(String, String)>,
    ) -> Vec<Key> {
        let mut gone = Vec::new();
        self.lock().retain(|key, _| {
            let missing = key.kind == kind
                && namespace.is_none_or(|namespace| namespace == key.namespace)
                && !seen.contains(&(key.namespace.clone(), key.name.clone()));
            if missing {
                gone.push(key.clone());
            }
            !missing
        });
        gone
    }

    /// The child is known to be in the desired state of that fingerprint.
    pub(super) fn verify(
        &self,
        key: Key,
        metadata: &ObjectMeta,
        manager: &str,
        fingerprint: Fingerprint,
    ) {
        if let Some(uid) = metadata.uid.as_deref() {
            let entry = Entry {
                uid: uid.into(),
                ownership: ownership(metadata, manager),
                verified: Some(fingerprint),
            };
            self.lock().insert(key, entry);
        }
    }

    /// Nothing is known of the child any more.
    pub(super) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// What is known of a child; `None`: it is not there, or does not bear our label.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Entry> {
        self.lock().get(key).cloned()
    }

    /// How many children are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Is none known?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Is the child known to be in the desired state of that fingerprint?
    pub(super) fn is(&self, fingerprint: &Fingerprint) -> bool {
        self.verified.as_ref() == Some(fingerprint)
    }

    /// Was the child once known to be in a state that we applied, and nobody took a field since?
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified.is_some()
    }
}
