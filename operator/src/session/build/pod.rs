//! The pod: one container, the sidecar. Where the session has a linked device of its own, the device is the container,
//! and the sidecar an init container that keeps running: it starts before the device and stops after it.
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

use super::{ADMIN_PORT, API_PORT, device, quantity};
use crate::{
    image::Images,
    pod::{self, Mounts},
    session::validate::{Records, ValidatedSession},
    settings::Settings,
};

/// Name of the sidecar's container.
const SIDECAR: &str = "sidecar";
/// Name of the volume of the records.
pub(super) const DATA_VOLUME: &str = "data";
/// Where it is.
pub(super) const DATA: &str = "/var/lib/titan";
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

/// The pod's spec. `images` are those that it keeps until the fleet's upgrade reaches it.
pub(super) fn build(
    session: &ValidatedSession,
    settings: &Settings,
    images: Option<&Images>,
) -> PodSpec {
    let identity = session.workload_identity();
    let mounts = Mounts::default()
        .manifests(session.child.as_str())
        .with(data(session), DATA, false)
        .secrets(&session.secrets)
        .config_maps(&session.config_maps)
        .identity(identity);
    let image = images.map_or(settings.sidecar_image.as_str(), |images| &images.sidecar);
    let spec = PodSpec {
        containers: vec![Container {
            volume_mounts: Some(mounts.mounts),
            ..container(session, settings, image)
        }],
        volumes: Some(mounts.volumes),
        termination_grace_period_seconds: Some(GRACE_PERIOD),
        ..pod::spec(settings, identity, session.pod.clone())
    };
    match &session.device {
        Some(device) => {
            let image = images.and_then(|images| images.device.as_deref());
            let default = settings.device_resources(&session.owner.namespace);
            let container = Container {
                image: Some(image.unwrap_or(&device.image).to_owned()),
                resources: device.resources.as_ref().or(default).cloned(),
                ..device::container(device, settings)
            };
            device::beside(spec, device, container)
        }
        None => spec,
    }
}

fn container(session: &ValidatedSession, settings: &Settings, image: &str) -> Container {
    let resources = session.pod.resources.clone();
    let mut environment = pod::environment(settings, session.workload_identity());
    environment.push(pod::variable("TITAN_DATA_DIR", DATA));
    Container {
        name: SIDECAR.to_owned(),
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
        name: DATA_VOLUME.to_owned(),
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
