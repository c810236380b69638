//! The linked device of a session: a container of its own, that shares a folder for two sockets and the volume with the
//! sidecar, and nothing else.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, PodSpec, Volume, VolumeMount,
};
use titan_crds::SecretKeyRef;

use super::{
    pod::{DATA, DATA_VOLUME},
    quantity,
};
use crate::{
    pod::{self, Mounts, SECRETS, variable},
    session::validate::Device,
    settings::Settings,
};

/// Name of the container.
const CONTAINER: &str = "whatsapp";
/// Where the sockets are through which device and sidecar speak.
const SOCKETS: &str = "/run/titan/whatsapp";
/// Most that the folder of the sockets holds: it is memory of the pod.
const SOCKETS_SIZE: u64 = 1 << 20;
/// The device settles what it has begun, before the sidecar is told to stop.
const GRACE_PERIOD: i64 = 20;

/// The container, but for image, resources and mounts.
pub(super) fn container(device: &Device, settings: &Settings) -> Container {
    Container {
        name: CONTAINER.to_owned(),
        args: Some(vec!["run".to_owned()]),
        env: Some(environment(device, settings)),
        security_context: Some(pod::container_security()),
        ..Container::default()
    }
}

/// The pod of a sidecar with the device beside it. The kubelet starts init containers before the others and, where
/// they keep running, stops them after; so whatever the device has to say finds the sidecar up.
pub(super) fn beside(mut spec: PodSpec, device: &Device, container: Container) -> PodSpec {
    let shared = Mounts::default().with(sockets(), SOCKETS, false);
    let Mounts { volumes, mounts } = shared.clone().secrets(&device.secrets());
    let data = VolumeMount {
        name: DATA_VOLUME.to_owned(),
        mount_path: DATA.to_owned(),
        ..VolumeMount::default()
    };
    let with_shared = |mut sidecar: Container| {
        let environment = sidecar.env.get_or_insert_default();
        environment.push(variable("TITAN_WHATSAPP_SOCKET", SOCKETS));
        let mounts = sidecar.volume_mounts.get_or_insert_default();
        mounts.extend(shared.mounts.iter().cloned());
        sidecar.restart_policy = Some("Always".to_owned());
        sidecar
    };
    spec.init_containers = Some(spec.containers.into_iter().map(with_shared).collect());
    spec.containers = vec![Container {
        volume_mounts: Some([vec![data], mounts].concat()),
        ..container
    }];
    let known = spec.volumes.get_or_insert_default();
    let names: BTreeSet<_> = known.iter().map(|volume| volume.name.clone()).collect();
    // A Secret that the sidecar reads too is one volume.
    known.extend(
        volumes
            .into_iter()
            .filter(|volume| !names.contains(&volume.name)),
    );
    let grace = spec.termination_grace_period_seconds.unwrap_or_default();
    spec.termination_grace_period_seconds = Some(grace + GRACE_PERIOD);
    spec
}

fn environment(device: &Device, settings: &Settings) -> Vec<EnvVar> {
    let folder = |reference: &SecretKeyRef| format!("{SECRETS}/{}", reference.name);
    let mut environment = vec![
        variable("TITAN_SOCKET_DIR", SOCKETS),
        variable("TITAN_DATA_DIR", &format!("{DATA}/{CONTAINER}")),
        variable("TITAN_DEVICE_NAME", &device.name),
        variable("TITAN_LOG_FORMAT", "json"),
    ];
    if device.mark_online {
        environment.push(variable("TITAN_MARK_ONLINE", "true"));
    }
    if device.history {
        environment.push(variable("TITAN_HISTORY", "true"));
    }
    if let Some(proxy) = &device.proxy {
        let file = format!("{}/{}", folder(proxy), proxy.key);
        environment.push(variable("TITAN_PROXY_URL_FILE", &file));
    }
    if let Some(key) = &device.store_key {
        environment.push(variable("TITAN_STORE_KEY_DIR", &folder(key)));
        environment.push(variable("TITAN_STORE_KEY_NAME", &key.key));
    }
    if let Some(endpoint) = &settings.whatsapp_endpoint {
        environment.push(variable("TITAN_ENDPOINT", endpoint.as_str()));
    }
    environment
}

/// The folder of the sockets.
fn sockets() -> Volume {
    Volume {
        name: "sockets".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".to_owned()),
            size_limit: Some(quantity::bytes(SOCKETS_SIZE)),
        }),
        ..Volume::default()
    }
}
