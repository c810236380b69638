//! The pod: one container under the restricted profile, its Secrets optional, and no token for the Kubernetes API.
//!
//! Whatever changes here rolls the pod. What the sidecar re-reads by itself must not be in it: the documents are in
//! the ConfigMap, and of a Secret only its name is here.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource,
        EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector,
        PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, Probe,
        ProjectedVolumeSource, SeccompProfile, SecretVolumeSource, SecurityContext,
        ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::core::ObjectMeta;
use sha2::{Digest, Sha256};
use titan_crds::tenant_storage::Identity;
use url::Url;

use super::{ADMIN_PORT, API_PORT, quantity};
use crate::{
    session::validate::{Records, ValidatedSession},
    settings::Settings,
};

/// Name of the container.
const CONTAINER: &str = "sidecar";
/// User and group of the process, and group of its volume.
const USER: i64 = 65532;
/// The sidecar serves 3 s more, finishes what runs within 25 s, and releases.
const GRACE_PERIOD: i64 = 40;
/// Mode of Secret files: their owner and the pod's group read them.
const SECRET_MODE: i32 = 0o440;
/// Seconds that a token for a token service lives; the kubelet renews it before.
const TOKEN_LIFETIME: i64 = 3600;

const MANIFESTS: &str = "/etc/titan/manifests";
const SECRETS: &str = "/etc/titan/secrets";
const CONFIG_MAPS: &str = "/etc/titan/config-maps";
const DATA: &str = "/var/lib/titan";
const IDENTITY: &str = "/var/run/secrets/titan.media/identity";

/// Metadata of the pod: the tenant's labels and annotations, the operator's win.
pub(super) fn metadata(session: &ValidatedSession) -> ObjectMeta {
    let mut labels = session.pod.labels.clone();
    labels.extend(session.owner.labels());
    let annotations = session.pod.annotations.clone();
    ObjectMeta {
        labels: Some(labels),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

pub(super) fn build(session: &ValidatedSession, settings: &Settings, image: &str) -> PodSpec {
    let wanted = session.pod.clone();
    let (volumes, mounts) = volumes(session).into_iter().unzip();
    let identity = session.workload_identity();
    PodSpec {
        containers: vec![container(session, settings, image, mounts)],
        volumes: Some(volumes),
        service_account_name: identity.map(|identity| identity.service_account_name.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_PERIOD),
        security_context: Some(pod_security(settings.openshift)),
        node_selector: some_map(wanted.node_selector),
        tolerations: some(wanted.tolerations),
        affinity: wanted.affinity,
        priority_class_name: wanted.priority_class_name,
        topology_spread_constraints: some(wanted.topology_spread_constraints),
        image_pull_secrets: some(wanted.image_pull_secrets),
        ..PodSpec::default()
    }
}

fn container(
    session: &ValidatedSession,
    settings: &Settings,
    image: &str,
    mounts: Vec<VolumeMount>,
) -> Container {
    let resources = session.pod.resources.clone();
    Container {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        args: Some(vec!["serve".to_owned()]),
        env: Some(environment(session, settings)),
        ports: Some(vec![
            container_port("http", API_PORT),
            container_port("admin", ADMIN_PORT),
        ]),
        resources: resources.or_else(|| settings.resources(&session.owner.namespace).cloned()),
        // A pod may wait for the one before it to let go of the records; liveness is looked at once it has them.
        startup_probe: Some(probe("/readyz", 1, 600)),
        readiness_probe: Some(probe("/readyz", 5, 2)),
        liveness_probe: Some(probe("/livez", 10, 3)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// Everything that the program needs to know and that no document says.
fn environment(session: &ValidatedSession, settings: &Settings) -> Vec<EnvVar> {
    let value = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    };
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: path.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    };
    let mut environment = vec![
        value("TITAN_MANIFESTS", MANIFESTS),
        value("TITAN_SECRETS", SECRETS),
        value("TITAN_CONFIG_MAPS", CONFIG_MAPS),
        value("TITAN_DATA_DIR", DATA),
        value("TITAN_IN_POD", "true"),
        value("TITAN_LOG_FORMAT", "json"),
        // The sidecar refuses to dial its own pod.
        field("POD_IPS", "status.podIPs"),
    ];
    if !settings.cdn_origins.is_empty() {
        let origins: Vec<_> = settings.cdn_origins.iter().map(Url::as_str).collect();
        environment.push(value("TITAN_CDN_ORIGIN", &origins.join(",")));
    }
    if !settings.allow_cidrs.is_empty() {
        let ranges: Vec<_> = settings.allow_cidrs.iter().map(ToString::to_string).collect();
        environment.push(value("TITAN_ALLOW_CIDR", &ranges.join(",")));
    }
    // The names that every AWS SDK reads, and that a platform's webhook would set.
    if let Some(Identity { audience: Some(_), role_arn, .. }) = session.workload_identity() {
        environment.push(value("AWS_WEB_IDENTITY_TOKEN_FILE", &format!("{IDENTITY}/token")));
        if let Some(role) = role_arn {
            environment.push(value("AWS_ROLE_ARN", role));
        }
    }
    environment
}

/// Each volume with where it is mounted.
fn volumes(session: &ValidatedSession) -> Vec<(Volume, VolumeMount)> {
    let mut volumes = vec![
        (
            Volume {
                name: "manifests".to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name: session.child.to_string(),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            },
            mount("manifests", MANIFESTS, true),
        ),
        (data(session), mount("data", DATA, false)),
    ];
    // Optional, so that the sidecar starts without: it says itself what is missing. A hard mount would leave the pod in
    // ContainerCreating, and the name of the Secret in an event only.
    volumes.extend(session.secrets.iter().map(|secret| {
        let name = volume_name("secret", secret);
        let volume = Volume {
            name: name.clone(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.clone()),
                optional: Some(true),
                default_mode: Some(SECRET_MODE),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        };
        (volume, mount(&name, &format!("{SECRETS}/{secret}"), true))
    }));
    volumes.extend(session.config_maps.iter().map(|config_map| {
        let name = volume_name("config-map", config_map);
        let volume = Volume {
            name: name.clone(),
            config_map: Some(ConfigMapVolumeSource {
                name: config_map.clone(),
                optional: Some(true),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        };
        (volume, mount(&name, &format!("{CONFIG_MAPS}/{config_map}"), true))
    }));
    let audience = session.workload_identity().and_then(|identity| identity.audience.as_deref());
    volumes.extend(audience.map(|audience| (token(audience), mount("identity", IDENTITY, true))));
    volumes
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

/// A token of the pod's service account for a token service. It has an audience of its own, and opens no Kubernetes API.
fn token(audience: &str) -> Volume {
    let token = ServiceAccountTokenProjection {
        audience: Some(audience.to_owned()),
        expiration_seconds: Some(TOKEN_LIFETIME),
        path: "token".to_owned(),
    };
    Volume {
        name: "identity".to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(vec![VolumeProjection {
                service_account_token: Some(token),
                ..VolumeProjection::default()
            }]),
            default_mode: Some(SECRET_MODE),
        }),
        ..Volume::default()
    }
}

/// On OpenShift user and group come from the namespace's range, and naming another is refused.
fn pod_security(openshift: bool) -> PodSecurityContext {
    let user = (!openshift).then_some(USER);
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: user,
        run_as_group: user,
        fs_group: user,
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
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

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// A Secret's name may be longer than a volume's, and have dots.
fn volume_name(kind: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name));
    format!("{kind}-{}", hash.get(..10).unwrap_or(&hash))
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn some_map(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}
