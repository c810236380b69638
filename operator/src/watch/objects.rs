//! The two resources: into the store, into the index, and to whom a change concerns.

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Resource, ResourceExt,
    runtime::{
        reflector::{ObjectRef, Store, store::Writer},
        watcher::Event,
    },
};
use serde::de::DeserializeOwned;
use titan_crds::{ConditionType, MediaSession, TenantStorage};

use super::{
    Watches,
    follow::{Seen, Sink, is_missing},
};
use crate::conditions::{condition, is_true};

/// Annotation in which kubectl keeps a second copy of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One of the two resources.
pub(super) trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + DeserializeOwned
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    const KIND: &'static str;

    /// Tells everybody whom a change concerns.
    fn changed(watches: &Watches, before: Option<&Self>, after: Option<&Self>);
}

/// Keeps a store up to date.
pub(super) struct ObjectSink<K: Watched> {
    watches: Watches,
    writer: Writer<K>,
    store: Store<K>,
    /// Before everything was listed once; then what went meanwhile.
    starting: Option<Vec<K>>,
}

impl<K: Watched> ObjectSink<K> {
    pub(super) fn new(watches: Watches, mut writer: Writer<K>) -> Self {
        writer.apply_watcher_event(&Event::Init);
        let store = writer.as_reader();
        Self {
            watches,
            writer,
            store,
            starting: Some(Vec::new()),
        }
    }

    fn remove(&mut self, object: &K) {
        self.writer
            .apply_watcher_event(&Event::Delete(object.clone()));
        K::changed(&self.watches, Some(object), None);
    }
}

impl<K: Watched> Sink<K> for ObjectSink<K> {
    fn applied(&mut self, mut object: K) {
        prune(&mut object);
        let before = self.store.get(&ObjectRef::from_obj(&object));
        let after = object.clone();
        let event = if self.starting.is_some() {
            Event::InitApply(object)
        } else {
            Event::Apply(object)
        };
        self.writer.apply_watcher_event(&event);
        K::changed(&self.watches, before.as_deref(), Some(&after));
    }

    fn gone(&mut self, object: &K) {
        match &mut self.starting {
            Some(gone) => gone.push(object.clone()),
            None => self.remove(object),
        }
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        let gone = self.store.state_filter(|object| {
            let object_namespace = object.namespace().unwrap_or_default();
            is_missing(namespace, seen, &object_namespace, &object.name_any())
        });
        for object in gone {
            self.remove(&object);
        }
    }

    fn synced(&mut self) {
        self.writer.apply_watcher_event(&Event::InitDone);
        for object in self.starting.take().unwrap_or_default() {
            self.remove(&object);
        }
    }
}

impl Watched for MediaSession {
    const KIND: &'static str = "MediaSession";

    fn changed(watches: &Watches, before: Option<&Self>, after: Option<&Self>) {
        let Some(session) = after.or(before) else {
            return;
        };
        let (namespace, name) = (session.namespace().unwrap_or_default(), session.name_any());
        let storage = |session: Option<&Self>| {
            session
                .and_then(|session| session.spec.storage_ref.as_ref())
                .map(|storage| storage.name.clone())
        };
        watches.index.set(&namespace, &name, storage(after));
        if !is_touched(before, after) {
            if let Some(after) = after
                && is_progressing(after)
                && !before.is_some_and(is_progressing)
            {
                watches.sidecars.hasten(&namespace, &name);
            }
            return;
        }
        watches.requests.sessions.send(&namespace, &name);
        for storage in [storage(before), storage(after)].into_iter().flatten() {
            watches.requests.storages.send(&namespace, &storage);
        }
    }
}

impl Watched for TenantStorage {
    const KIND: &'static str = "TenantStorage";

    fn changed(watches: &Watches, before: Option<&Self>, after: Option<&Self>) {
        let Some(storage) = after.or(before) else {
            return;
        };
        let (namespace, name) = (storage.namespace().unwrap_or_default(), storage.name_any());
        let touched = is_touched(before, after);
        if touched {
            watches.requests.storages.send(&namespace, &name);
        }
        if touched || health(before) != health(after) {
            for session in watches.index.sessions(&namespace, &name) {
                watches.requests.sessions.send(&namespace, &session);
            }
        }
    }
}

/// Did anything change but the status, which is our own doing?
fn is_touched<K: Resource>(before: Option<&K>, after: Option<&K>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return true;
    };
    let (before, after) = (before.meta(), after.meta());
    before.uid != after.uid
        || before.generation != after.generation
        || before.annotations != after.annotations
        || before.labels != after.labels
        || before.deletion_timestamp != after.deletion_timestamp
}

fn is_progressing(session: &MediaSession) -> bool {
    session
        .status
        .as_ref()
        .is_some_and(|status| is_true(&status.conditions, ConditionType::Reconciling))
}

/// What sessions want to know of a storage's status.
fn health(storage: Option<&TenantStorage>) -> Option<(&str, &str, Option<&str>)> {
    let status = storage?.status.as_ref()?;
    let ready = condition(&status.conditions, ConditionType::Ready)?;
    Some((&ready.status, &ready.reason, status.bucket.as_deref()))
}

/// Seven eighths of an object's memory are `managedFields` (T2).
fn prune(object: &mut impl Resource) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}
