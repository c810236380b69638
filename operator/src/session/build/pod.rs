//! The pod: one container, the sidecar.
//!
//! Whatever changes here rolls the pod. What the sidecar re-reads by itself must not be in it: the documents are in
//! the ConfigMap, and of a Secret only its name is here.

use k8s_openapi::{
    api::core::v1::{
        Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction,
        PersistentVolumeClaimVolumeSource, PodSpec, Probe, Volume,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::core::ObjectMeta;

use super::{ADMIN_PORT, API_PORT, quantity};
use crate::{
    pod::{self, Mounts},
    session::validate::{Records, ValidatedSession},
    settings::Settings,
};

/// Name of the container.
const CONTAINER: &str = "sidecar";
/// Where the records are.
const DATA: &str = "/var/lib/titan";
/// The sidecar serves 3 s more, finishes what runs within 25 s, and releases.
const GRACE_PERIOD: i64 = 40;

/// Metadata of the pod: the tenant's labels and annotations, the operator's win.
pub(super) fn metadata(session: &ValidatedSession) -> ObjectMeta {
    let annotations = session.pod.annotations.clone();
    ObjectMeta {
        labels: pod::overlaid(session.pod.labels.clone(), session.owner.labels()),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

pub(super) fn build(session: &ValidatedSession, settings: &Settings, image: &str) -> PodSpec {
    let identity = session.workload_identity();
    let mounts = Mounts::default()
        .manifests(session.child.as_str())
        .with(data(session), DATA, false)
        .secrets(&session.secrets)
        .config_maps(&session.config_maps)
        .identity(identity);
    PodSpec {
        containers: vec![Container {
            volume_mounts: Some(mounts.mounts),
            ..container(session, settings, image)
        }],
        volumes: Some(mounts.volumes),
        termination_grace_period_seconds: Some(GRACE_PERIOD),
        ..pod::spec(settings, identity, session.pod.clone())
    }
}

fn container(session: &ValidatedSession, settings: &Settings, image: &str) -> Container {
    let resources = session.pod.resources.clone();
    let mut environment = pod::environment(settings, session.workload_identity());
    environment.push(pod::variable("TITAN_DATA_DIR", DATA));
    Container {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        args: Some(vec!["serve".to_owned()]),
        env: Some(environment),
        ports: Some(vec![
            container_port("http", API_PORT),
            container_port("admin", ADMIN_PORT),
        ]),
        resources: resources.or_else(|| settings.resources(&session.owner.namespace).cloned()),
        // A pod may wait for the one before it to let go of the records; liveness is looked at once it has them.
        startup_probe: Some(probe("/readyz", 1, 600)),
        readiness_probe: Some(probe("/readyz", 5, 2)),
        liveness_probe: Some(probe("/livez", 10, 3)),
        security_context: Some(pod::container_security()),
        ..Container::default()
    }
}

fn data(session: &ValidatedSession) -> Volume {
    let empty = |size: Option<u64>| EmptyDirVolumeSource {
        size_limit: size.map(quantity::bytes),
        medium: None,
    };
    let mut volume = Volume {
        name: "data".to_owned(),
        ..Volume::default()
    };
    match session.records {
        Records::Volume { .. } => {
            volume.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                claim_name: session.child.to_string(),
                read_only: None,
            });
        }
        Records::Ephemeral { size } => volume.empty_dir = Some(empty(Some(size))),
        Records::Shared => volume.empty_dir = Some(empty(None)),
    }
    volume
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("admin".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

fn container_port(name: &str, port: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: port,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}
