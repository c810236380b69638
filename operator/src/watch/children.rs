//! Children of kinds of which only the metadata matters.

use std::{collections::HashSet, marker::PhantomData};

use kube::{Resource, ResourceExt, core::PartialObjectMeta};

use super::{
    Watches,
    follow::{Seen, Sink, is_missing},
};
use crate::{
    apply::{Child, Key},
    names,
};

/// Tells the ledger and the owner.
pub(super) struct ChildSink<K> {
    watches: Watches,
    known: Known,
    kind: PhantomData<K>,
}

impl<K: Child> ChildSink<K> {
    pub(super) fn new(watches: Watches) -> Self {
        Self {
            watches,
            known: Known::new(K::KIND),
            kind: PhantomData,
        }
    }
}

impl<K: Child> Sink<PartialObjectMeta<K>> for ChildSink<K> {
    fn applied(&mut self, object: PartialObjectMeta<K>) {
        self.known.applied(&self.watches, &object);
    }

    fn gone(&mut self, object: &PartialObjectMeta<K>) {
        self.known.gone(&self.watches, object);
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        self.known.listed(&self.watches, namespace, seen);
    }
}

/// The children of one kind that were seen, and the field manager of each.
pub(super) struct Known {
    kind: &'static str,
    /// Namespace, name, label of the owner, name of the owner: what is left of a child when a list lacks it.
    seen: HashSet<(String, String, &'static str, String)>,
}

impl Known {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            seen: HashSet::new(),
        }
    }

    pub(super) fn applied(&mut self, watches: &Watches, object: &impl Resource) {
        let metadata = object.meta();
        if let Some(entry) = entry(object) {
            let manager = if entry.2 == names::SESSION {
                names::SESSION_MANAGER
            } else {
                names::STORAGE_MANAGER
            };
            watches.ledger.observe(self.key(object), metadata, manager);
            self.seen.insert(entry);
        }
        watches.requests.owner_of(object);
    }

    pub(super) fn gone(&mut self, watches: &Watches, object: &impl Resource) {
        let uid = object.uid();
        watches.ledger.gone(&self.key(object), uid.as_deref());
        if let Some(entry) = entry(object) {
            self.seen.remove(&entry);
        }
        watches.requests.owner_of(object);
    }

    pub(super) fn listed(&mut self, watches: &Watches, namespace: Option<&str>, seen: &Seen) {
        let kind = self.kind;
        self.seen.retain(|(child_namespace, name, label, owner)| {
            if !is_missing(namespace, seen, child_namespace, name) {
                return true;
            }
            let key = Key {
                kind,
                namespace: child_namespace.clone(),
                name: name.clone(),
            };
            watches.ledger.gone(&key, None);
            if *label == names::SESSION {
                watches.requests.sessions.send(child_namespace, owner);
            } else {
                watches.requests.storages.send(child_namespace, owner);
            }
            false
        });
    }

    fn key(&self, object: &impl Resource) -> Key {
        Key {
            kind: self.kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

fn entry(object: &impl Resource) -> Option<(String, String, &'static str, String)> {
    let labels = object.labels();
    let (label, owner) = [names::SESSION, names::STORAGE]
        .into_iter()
        .find_map(|label| Some((label, labels.get(label)?.clone())))?;
    Some((object.namespace()?, object.name_any(), label, owner))
}
