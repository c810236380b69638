//! What both controllers work with.

use std::{fmt, sync::Arc};

use kube::{Client, runtime::reflector::Store};
use titan_crds::{MediaSession, MediaSessionStatus, TenantStorage, TenantStorageStatus};

use crate::{
    apply::Ledger,
    clock::Clock,
    events::Recorder,
    index::StorageIndex,
    metrics::Metrics,
    names,
    settings::Settings,
    sidecar,
    status::Written,
    watch::{Jobs, Pods, Requests, Workloads},
};

/// What both controllers work with.
pub struct Context {
    /// The Kubernetes API. No request starts once the lease is lost.
    pub client: Client,
    /// What the platform decided.
    pub settings: Arc<Settings>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Tells users what happened to their objects.
    pub events: Recorder,
    /// Tells the time.
    pub clock: Clock,
    /// What the sidecars report.
    pub sidecars: sidecar::Client,
    /// The storages, pruned of `managedFields`.
    pub storages: Store<TenantStorage>,
    /// The sessions, pruned of `managedFields`.
    pub sessions: Store<MediaSession>,
    /// Which sessions store where.
    pub index: Arc<StorageIndex>,
    /// The pods of sessions and of checks.
    pub pods: Arc<Pods>,
    /// The state of the sessions' Deployments.
    pub workloads: Arc<Workloads>,
    /// The state of the checks' Jobs.
    pub jobs: Arc<Jobs>,
    /// What is known of every child.
    pub ledger: Arc<Ledger>,
    /// Reconciles that are asked for.
    pub requests: Arc<Requests>,
    /// Statuses of sessions that were written and not yet seen in the watch.
    pub session_statuses: Written<MediaSessionStatus>,
    /// Statuses of storages that were written and not yet seen in the watch.
    pub storage_statuses: Written<TenantStorageStatus>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// A number in 0..1, for jitter.
#[must_use]
pub fn random() -> f64 {
    rand::random()
}

/// Who this instance is: the pod's name, and something that no other process has.
#[must_use]
pub fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| names::OPERATOR.to_owned());
    let unique: [u8; 4] = rand::random();
    format!("{host}_{}", hex::encode(unique))
}
