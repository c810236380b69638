//! Children of kinds of which only the metadata matters.

use std::marker::PhantomData;

use kube::{Resource, ResourceExt, core::PartialObjectMeta};

use super::{
    Watches,
    follow::{Seen, Sink},
};
use crate::{
    apply::{Child, Key},
    names,
};

/// Tells the ledger and the owner.
pub(super) struct ChildSink<K> {
    watches: Watches,
    kind: PhantomData<K>,
}

impl<K: Child> ChildSink<K> {
    pub(super) const fn new(watches: Watches) -> Self {
        Self {
            watches,
            kind: PhantomData,
        }
    }
}

impl<K: Child> Sink<PartialObjectMeta<K>> for ChildSink<K> {
    fn applied(&mut self, object: PartialObjectMeta<K>) {
        applied(&self.watches, K::KIND, &object);
    }

    fn gone(&mut self, object: &PartialObjectMeta<K>) {
        gone(&self.watches, K::KIND, object);
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        listed(&self.watches, K::KIND, namespace, seen);
    }
}

/// A child is there, as it is now.
pub(super) fn applied(watches: &Watches, kind: &'static str, object: &impl Resource) {
    let manager = if object.labels().contains_key(names::SESSION) {
        names::SESSION_MANAGER
    } else {
        names::STORAGE_MANAGER
    };
    let key = key(kind, object);
    watches.ledger.observe(key, object.meta(), manager);
    watches.requests.owner_of(object);
}

/// A child is gone.
pub(super) fn gone(watches: &Watches, kind: &'static str, object: &impl Resource) {
    let uid = object.uid();
    watches.ledger.gone(&key(kind, object), uid.as_deref());
    watches.requests.owner_of(object);
}

/// What a new list lacks is gone, and only its name is left to tell whose it was.
pub(super) fn listed(watches: &Watches, kind: &'static str, namespace: Option<&str>, seen: &Seen) {
    for key in watches.ledger.listed(kind, namespace, seen) {
        if let Some(session) = key.name.strip_prefix(names::SESSION_PREFIX) {
            watches.requests.sessions.send(&key.namespace, session);
        } else if let Some(storage) = key.name.strip_prefix(names::STORAGE_PREFIX) {
            watches.requests.storages.send(&key.namespace, storage);
        }
    }
}

fn key(kind: &'static str, object: &impl Resource) -> Key {
    Key {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}
