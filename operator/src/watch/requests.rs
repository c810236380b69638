//! Reconciles that are asked for, and who waits for them.

use std::{fmt, sync::Mutex, sync::PoisonError};

use futures_util::stream::{Stream, unfold};
use kube::runtime::reflector::{Lookup, ObjectRef};
use titan_crds::{MediaSession, TenantStorage};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::names;

/// Reconciles that are asked for.
#[derive(Debug, Default)]
pub struct Requests {
    /// Of sessions.
    pub sessions: Queue<MediaSession>,
    /// Of storages.
    pub storages: Queue<TenantStorage>,
}

impl Requests {
    /// The owner of something with our labels should be looked at.
    pub fn owner_of(&self, metadata: &impl kube::Resource) {
        let metadata = metadata.meta();
        let Some(namespace) = metadata.namespace.as_deref() else {
            return;
        };
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
        if let Some(name) = label(names::SESSION) {
            self.sessions.send(namespace, name);
        }
        if let Some(name) = label(names::STORAGE) {
            self.storages.send(namespace, name);
        }
    }
}

/// Reconciles of one kind that are asked for. Unbounded, but an entry is two names, and the controllers take them off
/// at once and each object once.
pub struct Queue<K: Lookup<DynamicType = ()>> {
    takers: Mutex<Vec<UnboundedSender<ObjectRef<K>>>>,
}

impl<K: Lookup<DynamicType = ()>> Default for Queue<K> {
    fn default() -> Self {
        Self {
            takers: Mutex::default(),
        }
    }
}

impl<K: Lookup<DynamicType = ()>> fmt::Debug for Queue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<K: Lookup<DynamicType = ()> + 'static> Queue<K> {
    /// An object should be looked at.
    pub fn send(&self, namespace: &str, name: &str) {
        let object = ObjectRef::new(name).within(namespace);
        self.takers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|taker| taker.send(object.clone()).is_ok());
    }

    /// Everything that is asked for from now on.
    pub fn subscribe(&self) -> impl Stream<Item = ObjectRef<K>> + Send + use<K> {
        let (sender, receiver) = unbounded_channel();
        self.takers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|object| (object, receiver))
        })
    }
}
