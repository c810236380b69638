//! What the API server tells: the two resources, their children, the pods; and whom that concerns.

mod children;
mod deployments;
mod follow;
mod jobs;
mod objects;
mod pods;
mod requests;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod as ApiPod, Service},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource,
    core::{DeserializeGuard, PartialObjectMeta},
    runtime::{reflector::store::Writer, watcher},
};
use serde::de::DeserializeOwned;
use titan_crds::{MediaSession, TenantStorage};

pub use deployments::{Workload, Workloads};
pub use jobs::{JobState, JobView, Jobs};
pub use pods::{PodOwner, PodView, Pods, Problem};
pub use requests::{Queue, Requests};

use crate::{
    admin::Readiness,
    apply::{Child, Ledger},
    index::StorageIndex,
    metrics::Metrics,
    names, sidecar,
};

/// Objects that are listed at once.
const PAGE_SIZE: u32 = 250;

/// Which namespaces are looked after.
#[derive(Clone, Debug)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Those namespaces; none: all of the cluster.
    #[must_use]
    pub const fn new(namespaces: Vec<String>) -> Self {
        Self(namespaces)
    }

    /// One watch of the cluster, or one for each namespace.
    fn sources<K>(&self, client: &Client, config: &watcher::Config) -> Vec<follow::Source<K>>
    where
        K: Resource<Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + fmt::Debug
            + Send
            + 'static,
        K::DynamicType: Default,
    {
        if self.0.is_empty() {
            let api = Api::all(client.clone());
            return vec![follow::Source::new(None, api, config.clone())];
        }
        let one = |namespace: &String| {
            let api = Api::namespaced(client.clone(), namespace);
            follow::Source::new(Some(namespace.clone()), api, config.clone())
        };
        self.0.iter().map(one).collect()
    }
}

/// Everything that watches feed.
#[derive(Clone)]
pub struct Watches {
    /// The API.
    pub client: Client,
    /// Which namespaces are looked after.
    pub scope: Scope,
    /// What `/readyz` waits for.
    pub readiness: Arc<Readiness>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Reconciles that are asked for.
    pub requests: Arc<Requests>,
    /// What is known of every child.
    pub ledger: Arc<Ledger>,
    /// Which sessions store where.
    pub index: Arc<StorageIndex>,
    /// The pods of sessions and of checks.
    pub pods: Arc<Pods>,
    /// The state of the sessions' Deployments.
    pub workloads: Arc<Workloads>,
    /// The state of the checks' Jobs.
    pub jobs: Arc<Jobs>,
    /// Asks the sidecars.
    pub sidecars: sidecar::Client,
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Watches {
    /// Every watch that both controllers need, to be driven at once. They never end by themselves.
    #[must_use]
    pub fn all(
        &self,
        storages: Writer<TenantStorage>,
        sessions: Writer<MediaSession>,
    ) -> Vec<BoxFuture<'static, ()>> {
        vec![
            self.objects(storages),
            self.objects(sessions),
            self.children::<ConfigMap>(),
            self.children::<PersistentVolumeClaim>(),
            self.children::<Service>(),
            self.children::<NetworkPolicy>(),
            self.children::<Ingress>(),
            self.children::<PodDisruptionBudget>(),
            self.guarded::<Deployment, _>(deployments::DeploymentSink(self.clone()), "Deployment"),
            self.guarded::<Job, _>(jobs::JobSink(self.clone()), "Job"),
            self.guarded::<ApiPod, _>(pods::PodSink(self.clone()), "Pod"),
        ]
    }

    /// The watch of the children of one kind: only their metadata crosses the wire, and none of it is kept but what
    /// [`Ledger`] holds. Nothing is filtered: a deletion changes no generation (T1).
    #[must_use]
    pub fn children<K: Child>(&self) -> BoxFuture<'static, ()> {
        let sink = children::ChildSink::<K>::new(self.clone());
        let sources = self
            .scope
            .sources::<PartialObjectMeta<K>>(&self.client, &managed());
        let synced = self.readiness.begin(K::KIND);
        follow::follow(sources, sink, synced, self.metrics.clone()).boxed()
    }

    fn objects<K: objects::Watched>(&self, writer: Writer<K>) -> BoxFuture<'static, ()> {
        let sink = objects::ObjectSink::new(self.clone(), writer);
        let config = watcher::Config::default().page_size(PAGE_SIZE);
        let sources = self
            .scope
            .sources::<DeserializeGuard<K>>(&self.client, &config);
        let synced = self.readiness.begin(K::KIND);
        follow::follow(
            sources,
            follow::Guarded(sink, self.metrics.clone()),
            synced,
            self.metrics.clone(),
        )
        .boxed()
    }

    fn guarded<K, S>(&self, sink: S, kind: &'static str) -> BoxFuture<'static, ()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + fmt::Debug
            + Send
            + 'static,
        S: follow::Sink<K> + Send + 'static,
    {
        let sources = self
            .scope
            .sources::<DeserializeGuard<K>>(&self.client, &managed());
        let synced = self.readiness.begin(kind);
        follow::follow(
            sources,
            follow::Guarded(sink, self.metrics.clone()),
            synced,
            self.metrics.clone(),
        )
        .boxed()
    }
}

/// Foreign objects never cross the wire.
fn managed() -> watcher::Config {
    watcher::Config::default()
        .page_size(PAGE_SIZE)
        .labels(&names::managed_selector())
}
