//! Watches what the operator makes for every session, and says when all of it was there.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

/// The label that names the session of a child.
const SESSION: &str = "titan.media/session";
/// Kinds of children of a plain session: one object of each.
const KINDS: usize = 6;
/// Longest wait: far beyond every budget.
const PATIENCE: Duration = Duration::from_mins(15);

/// The children of the sessions of one namespace, as the API server tells of them.
#[derive(Debug, Clone)]
pub struct Children {
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By kind and session: the uid, and when it was first told of.
    objects: Mutex<HashMap<(String, String), (String, Instant)>>,
    news: Notify,
}

// === impl Children ===

impl Children {
    /// Starts to watch `namespace`; call it before the first session.
    #[must_use]
    pub fn watch(client: &Client, namespace: &str) -> Self {
        let seen = Arc::new(Seen::default());
        follow::<ConfigMap>(client, namespace, &seen);
        follow::<Deployment>(client, namespace, &seen);
        follow::<NetworkPolicy>(client, namespace, &seen);
        follow::<PersistentVolumeClaim>(client, namespace, &seen);
        follow::<Secret>(client, namespace, &seen);
        follow::<Service>(client, namespace, &seen);
        Self { seen }
    }

    /// Waits until `count` sessions in all have every child; returns when the last of them came.
    pub async fn complete(&self, count: usize) -> anyhow::Result<Instant> {
        self.until(&format!("the children of {count} sessions"), |objects| {
            // Counted first: the whole map is looked at once.
            (objects.len() >= count * KINDS)
                .then(|| objects.values().map(|(_, at)| *at).max())
                .flatten()
        })
        .await
    }

    /// Waits until `session` has every child; returns when the last one came.
    pub async fn of(&self, session: &str) -> anyhow::Result<Instant> {
        self.until(&format!("the children of {session}"), |objects| {
            let mine = objects.iter().filter(|((_, of), _)| of == session);
            let times: Vec<_> = mine.map(|(_, (_, at))| *at).collect();
            (times.len() == KINDS)
                .then(|| times.into_iter().max())
                .flatten()
        })
        .await
    }

    /// The uid of a child that is there.
    pub fn uid(&self, kind: &str, session: &str) -> anyhow::Result<String> {
        let objects = self.seen.objects.lock().unwrap();
        let found = objects.get(&(kind.to_owned(), session.to_owned()));
        Ok(found.context("a child")?.0.clone())
    }

    /// Waits until a child is another than the one with `uid`; returns when it came.
    pub async fn replaced(&self, kind: &str, session: &str, uid: &str) -> anyhow::Result<Instant> {
        let key = (kind.to_owned(), session.to_owned());
        self.until(&format!("a new {kind} of {session}"), |objects| {
            objects.get(&key).filter(|(of, _)| of != uid).map(|f| f.1)
        })
        .await
    }

    async fn until<T>(
        &self,
        what: &str,
        found: impl Fn(&HashMap<(String, String), (String, Instant)>) -> Option<T>,
    ) -> anyhow::Result<T> {
        let waiting = async {
            loop {
                let news = self.seen.news.notified();
                if let Some(value) = found(&self.seen.objects.lock().unwrap()) {
                    return value;
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(value) => Ok(value),
            Err(_) => bail!("not within {PATIENCE:?}: {what}"),
        }
    }
}

fn follow<K>(client: &Client, namespace: &str, seen: &Arc<Seen>)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client.clone(), namespace);
    let seen = seen.clone();
    tokio::spawn(async move {
        let mut events = Box::pin(watcher(api, Config::default().labels(SESSION)));
        loop {
            match events.try_next().await {
                Ok(Some(Event::Apply(object) | Event::InitApply(object))) => {
                    let labels = object.metadata.labels.unwrap_or_default();
                    let session = labels.get(SESSION).cloned().unwrap_or_default();
                    let uid = object.metadata.uid.unwrap_or_default();
                    let now = Instant::now();
                    let mut objects = seen.objects.lock().unwrap();
                    let known = objects
                        .entry((K::kind(&()).into_owned(), session))
                        .or_insert_with(|| (uid.clone(), now));
                    if known.0 != uid {
                        *known = (uid, now);
                    }
                    seen.news.notify_waiters();
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                // The watch is taken up again; a benchmark that misses an event says so by its time-out.
                Err(error) => eprintln!("watch: {error}"),
            }
        }
    });
}
