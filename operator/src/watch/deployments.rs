//! The Deployments of sessions: what of their state the conditions need.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use super::{
    Watches, children,
    follow::{Seen, Sink, is_missing},
};
use crate::{image::Images, names};

/// The state of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Uid.
    pub uid: String,
    /// Generation of its spec.
    pub generation: i64,
    /// Generation that its controller has seen.
    pub observed_generation: i64,
    /// Pods that are wanted.
    pub replicas: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods of any template.
    pub total: i32,
    /// Pods that are available.
    pub available: i32,
    /// Images of its pods.
    pub images: Option<Images>,
    /// Hash of what the session itself asks of its pods.
    pub inputs: Option<String>,
    /// Why pods can't be made, where they can't: quota, admission.
    pub replica_failure: Option<String>,
    /// The rollout took longer than its deadline.
    pub deadline_exceeded: bool,
}

impl Workload {
    /// All wanted pods are there, of the newest template, and no others.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.observed_generation >= self.generation
            && self.updated >= self.replicas
            && self.available >= self.replicas
            && self.total <= self.replicas
    }

    fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.as_ref();
        let status = deployment.status.as_ref();
        let condition = |type_: &str, holds: &str| {
            status
                .and_then(|status| status.conditions.as_ref())
                .into_iter()
                .flatten()
                .find(|condition| condition.type_ == type_ && condition.status == holds)
        };
        Self {
            uid: deployment.uid().unwrap_or_default(),
            generation: deployment.metadata.generation.unwrap_or_default(),
            observed_generation: status
                .and_then(|status| status.observed_generation)
                .unwrap_or_default(),
            replicas: spec.and_then(|spec| spec.replicas).unwrap_or(1),
            updated: status.and_then(|s| s.updated_replicas).unwrap_or_default(),
            total: status.and_then(|s| s.replicas).unwrap_or_default(),
            available: status
                .and_then(|s| s.available_replicas)
                .unwrap_or_default(),
            images: spec
                .and_then(|spec| spec.template.spec.as_ref())
                .and_then(Images::of),
            inputs: deployment.annotations().get(names::INPUTS_HASH).cloned(),
            replica_failure: condition("ReplicaFailure", "True")
                .and_then(|condition| condition.message.clone()),
            deadline_exceeded: condition("Progressing", "False").is_some_and(|condition| {
                condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
            }),
        }
    }
}

/// The state of every Deployment of ours, by namespace and name.
#[derive(Debug, Default)]
pub struct Workloads {
    workloads: Mutex<HashMap<(String, String), Arc<Workload>>>,
}

impl Workloads {
    /// The state of a Deployment; `None`: there is none.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Workload>> {
        self.lock()
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Every Deployment of ours: namespace, name, state.
    #[must_use]
    pub fn all(&self) -> Vec<(String, String, Arc<Workload>)> {
        self.lock()
            .iter()
            .map(|((namespace, name), workload)| {
                (namespace.clone(), name.clone(), workload.clone())
            })
            .collect()
    }

    /// Takes over what the API server says, from a watch or in answer to a write.
    pub fn set(&self, deployment: &Deployment) {
        let key = (
            deployment.namespace().unwrap_or_default(),
            deployment.name_any(),
        );
        self.lock().insert(key, Arc::new(Workload::of(deployment)));
    }

    fn remove(&self, namespace: String, name: String) {
        self.lock().remove(&(namespace, name));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Arc<Workload>>> {
        self.workloads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kind of the children that are seen here.
const KIND: &str = "Deployment";

pub(super) struct DeploymentSink(pub(super) Watches);

impl Sink<Deployment> for DeploymentSink {
    fn applied(&mut self, deployment: Deployment) {
        self.0.workloads.set(&deployment);
        children::applied(&self.0, KIND, &deployment);
    }

    fn gone(&mut self, deployment: &Deployment) {
        self.0.workloads.remove(
            deployment.namespace().unwrap_or_default(),
            deployment.name_any(),
        );
        children::gone(&self.0, KIND, deployment);
    }

    fn listed(&mut self, namespace: Option<&str>, seen: &Seen) {
        self.0
            .workloads
            .lock()
            .retain(|(of, name), _| !is_missing(namespace, seen, of, name));
        children::listed(&self.0, KIND, namespace, seen);
    }
}
