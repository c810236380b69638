//! What the controller of storages does, against a mock of the API server.

mod conduct;
mod rows;
mod snapshots;

use jiff::Timestamp;
use serde_json::{Value, json};
use titan_crds::{TenantStorage, TenantStorageSpec, TenantStorageStatus};

use super::{
    dereference::{Facts, Sidecar},
    memory::Attempts,
    validate::{ValidatedStorage, validate},
};
use crate::names::Owner;

pub(crate) fn spec() -> TenantStorageSpec {
    serde_json::from_value(json!({
        "endpoint": "https://minio.acme.svc:9000",
        "bucket": "acme-media",
        "credentials": {"secretRef": {"name": "acme-s3"}},
    }))
    .unwrap()
}

/// `2026-11-25T22:00:00Z`, and so many seconds.
fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-11-25T22:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_secs(second)
}

/// A storage as the API server has it.
fn storage(spec: &Value) -> TenantStorage {
    serde_json::from_value(json!({
        "apiVersion": "titan.media/v1alpha1", "kind": "TenantStorage",
        "metadata": {
            "name": "media", "namespace": "acme", "generation": 1, "resourceVersion": "10",
            "uid": "5a9cbd2e-0000-4000-8000-000000000001",
        },
        "spec": spec,
    }))
    .unwrap()
}

/// What is known of a storage that nobody uses and that was never checked.
fn facts(storage: &TenantStorage) -> Facts {
    Facts {
        owner: Owner::storage(storage).unwrap(),
        generation: storage.metadata.generation.unwrap(),
        requested: None,
        status: TenantStorageStatus::default(),
        sessions: 0,
        sidecar: Sidecar::None,
        jobs: Vec::new(),
        pods: Vec::new(),
    }
}

fn validated(storage: &TenantStorage, facts: Facts, now: Timestamp) -> ValidatedStorage {
    validate(storage, facts, &Attempts::default(), now).unwrap()
}
