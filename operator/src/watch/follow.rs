//! A watch of the cluster, or one for each of several namespaces, as one.

use std::{collections::HashSet, fmt::Debug, sync::Arc};

use futures_util::stream::{BoxStream, SelectAll, StreamExt};
use kube::{
    Api, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use crate::{admin::Latch, error::chain, metrics::Metrics};

/// Namespace and name.
pub(super) type Seen = HashSet<(String, String)>;

/// What one watch tells: of a namespace, or of all.
pub(super) struct Source<K> {
    /// `None`: all namespaces.
    pub(super) namespace: Option<String>,
    pub(super) events: BoxStream<'static, watcher::Result<Event<K>>>,
}

impl<K> Source<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// The watch of an API. It goes on after every failure.
    pub(super) fn new(namespace: Option<String>, api: Api<K>, config: watcher::Config) -> Self {
        Self {
            namespace,
            events: watcher(api, config).default_backoff().boxed(),
        }
    }
}

/// Where objects go.
pub(super) trait Sink<K> {
    /// It is there, as it is now.
    fn applied(&mut self, object: K);
    /// It is gone; this was its last state.
    fn gone(&mut self, object: &K);
    /// A namespace (`None`: all) was listed anew: what was not seen is gone.
    fn listed(&mut self, namespace: Option<&str>, seen: &Seen);
    /// Every source was listed for the first time.
    fn synced(&mut self) {}
}

/// Feeds a sink from all sources.
pub(super) async fn follow<K, S>(
    sources: Vec<Source<K>>,
    mut sink: S,
    latch: Latch,
    metrics: Arc<Metrics>,
) where
    K: Resource<DynamicType = ()> + Send + 'static,
    S: Sink<K> + Send,
{
    let mut lists: Vec<Seen> = vec![Seen::new(); sources.len()];
    let mut unlisted: HashSet<usize> = (0..sources.len()).collect();
    let mut latch = Some(latch);
    let mut streams = SelectAll::new();
    let mut namespaces = Vec::new();
    for (number, source) in sources.into_iter().enumerate() {
        namespaces.push(source.namespace);
        streams.push(source.events.map(move |event| (number, event)));
    }
    while let Some((number, event)) = streams.next().await {
        let Some(seen) = lists.get_mut(number) else {
            continue;
        };
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.insert(key(&object));
                sink.applied(object);
            }
            Ok(Event::InitDone) => {
                let seen = std::mem::take(seen);
                let namespace = namespaces.get(number).and_then(Option::as_deref);
                sink.listed(namespace, &seen);
                unlisted.remove(&number);
                if unlisted.is_empty()
                    && let Some(latch) = latch.take()
                {
                    sink.synced();
                    latch.done();
                }
            }
            Ok(Event::Apply(object)) => sink.applied(object),
            Ok(Event::Delete(object)) => sink.gone(&object),
            Err(error) => {
                metrics.watch_failed(&K::kind(&()));
                tracing::warn!(kind = %K::kind(&()), error = %chain(&error), "watch failed, it goes on in a moment");
            }
        }
    }
}

/// An object that this version can't read is passed over, so that it does not hold up the others.
pub(super) struct Guarded<S>(pub(super) S, pub(super) Arc<Metrics>);

impl<K, S> Sink<DeserializeGuard<K>> for Guarded<S>
where
    K: Resource<DynamicType = ()>,
    S: Sink<K>,
{
    fn applied(&mut self, object: DeserializeGuard<K>) {
        match object.0 {
            Ok(object) => self.0.applied(object),
            Err(invalid) => {
                self.1.unreadable(&K::kind(&()));
                let metadata = &invalid.metadata;
                tracing::warn!(
                    kind = %K::kind(&()),
                    namespace = metadata.namespace,
                    name = metadata.name,
                    error = invalid.error,
                    "object can't be read, and is passed over"
                );
            }
        }
    }

    fn gone(&mut self, object: &DeserializeGuard<K>) {
        if let Ok(object) = &object.0 {
            self.0.gone(object);
        }
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        self.0.listed(namespace, seen);
    }

    fn synced(&mut self) {
        self.0.synced();
    }
}

/// Was an object of a namespace that was listed anew, and is not there any more?
pub(super) fn is_missing(listed: Option<&str>, seen: &Seen, namespace: &str, name: &str) -> bool {
    listed.is_none_or(|listed| listed == namespace)
        && !seen.contains(&(namespace.to_owned(), name.to_owned()))
}

fn key(object: &impl Resource) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}
