//! The Deployment: the one sidecar of a session, or several on a shared store.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{metadata, pod};
use crate::{
    names::{INSTANCE, NAME, SIDECAR},
    session::validate::{Records, ValidatedSession},
    settings::Settings,
};

/// How long a rollout may make no progress before it counts as failed, in seconds. Pulling an image and waiting for the
/// former pod's records take their time.
const PROGRESS_DEADLINE: i32 = 300;

pub(super) fn build(
    session: &ValidatedSession,
    settings: &Settings,
    image: Option<&str>,
) -> Deployment {
    Deployment {
        metadata: metadata(session),
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
                spec: Some(pod::build(
                    session,
                    settings,
                    image.unwrap_or(settings.sidecar_image.as_str()),
                )),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
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
