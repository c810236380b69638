//! The Deployment: the one sidecar of a session, perhaps with a linked device, or several on a shared store.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{metadata, pod};
use crate::{
    image::Images,
    names::{INPUTS_HASH, INSTANCE, NAME, SIDECAR},
    session::validate::{Records, ValidatedSession},
    settings::Settings,
};

/// How long a rollout may make no progress before it counts as failed, in seconds. Pulling an image and waiting for the
/// former pod's records take their time.
const PROGRESS_DEADLINE: i32 = 300;

pub(super) fn build(
    session: &ValidatedSession,
    settings: &Settings,
    images: Option<&Images>,
) -> Deployment {
    let mut metadata = metadata(session);
    metadata.annotations = Some(BTreeMap::from([(INPUTS_HASH.to_owned(), inputs(session))]));
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(session.replicas),
            revision_history_limit: Some(2),
            progress_deadline_seconds: Some(PROGRESS_DEADLINE),
            selector: LabelSelector {
                match_labels: Some(selector(session)),
                ..LabelSelector::default()
            },
            strategy: Some(strategy(&session.records)),
            template: PodTemplateSpec {
                metadata: Some(pod::metadata(session)),
                spec: Some(pod::build(session, settings, images)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// Hash of what the session itself asks of its pods. While the upgrade of the fleet has yet to reach a session, its
/// Deployment is left alone, a new operator's template included, unless this changes.
#[must_use]
pub fn inputs(session: &ValidatedSession) -> String {
    let ValidatedSession {
        secrets,
        config_maps,
        records,
        replicas,
        pod,
        storage,
        device,
        ..
    } = session;
    let store = match records {
        Records::Volume { .. } => "volume",
        Records::Ephemeral { .. } => "ephemeral",
        Records::Shared => "shared",
    };
    let identity = storage
        .as_ref()
        .map(|storage| &storage.spec.credentials.identity);
    let mut inputs = vec![
        json!(secrets),
        json!(config_maps),
        json!(store),
        json!(replicas),
        json!(pod),
        json!(identity),
    ];
    // Sessions of a gateway keep the hash that they have from operators before there were devices.
    inputs.extend(device.as_ref().map(|device| json!(device)));
    let inputs = Value::Array(inputs);
    let hash = hex::encode(Sha256::digest(inputs.to_string()));
    hash.get(..16).unwrap_or(&hash).to_owned()
}

/// What selects the pods. It can never change, so that it is as little as it can be.
pub(super) fn selector(session: &ValidatedSession) -> BTreeMap<String, String> {
    BTreeMap::from([
        (NAME.to_owned(), SIDECAR.to_owned()),
        (INSTANCE.to_owned(), session.child.to_string()),
    ])
}

/// Two pods never share an SQLite file; on a shared store the new one is ready before the old one goes.
fn strategy(records: &Records) -> DeploymentStrategy {
    match records {
        Records::Volume { .. } | Records::Ephemeral { .. } => DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        },
        Records::Shared => DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        },
    }
}
