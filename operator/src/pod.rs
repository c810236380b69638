//! What the pods of sessions and of checks have in common: the restricted profile, optional Secrets, and no token for
//! the Kubernetes API.
//!
//! Of a Secret only the name is here: whatever a pod re-reads by itself must not change its template.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector,
    PodSecurityContext, PodSpec, ProjectedVolumeSource, SeccompProfile, SecretVolumeSource,
    SecurityContext, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use sha2::{Digest, Sha256};
use titan_crds::{PodTemplate, TenantStorageSpec, tenant_storage::Identity};
use url::Url;

use crate::settings::Settings;

/// Where the documents of the resources are.
pub const MANIFESTS: &str = "/etc/titan/manifests";
/// Where a folder for each Secret is.
pub const SECRETS: &str = "/etc/titan/secrets";
/// Where a folder for each ConfigMap is.
pub const CONFIG_MAPS: &str = "/etc/titan/config-maps";
/// Where the token for a token service is: `token`, in this folder.
pub const IDENTITY: &str = "/var/run/secrets/titan.media";

/// User and group of the process, and group of its volumes.
const USER: i64 = 65532;
/// Mode of Secret files: their owner and the pod's group read them.
const SECRET_MODE: i32 = 0o440;
/// Seconds that a token for a token service lives; the kubelet renews it before.
const TOKEN_LIFETIME: i64 = 3600;

/// Volumes, and where they are mounted.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// Where they are mounted.
    pub mounts: Vec<VolumeMount>,
}

// === impl Mounts ===

impl Mounts {
    /// Adds a volume.
    #[must_use]
    pub fn with(mut self, volume: Volume, path: &str, read_only: bool) -> Self {
        self.mounts.push(VolumeMount {
            name: volume.name.clone(),
            mount_path: path.to_owned(),
            read_only: read_only.then_some(true),
            ..VolumeMount::default()
        });
        self.volumes.push(volume);
        self
    }

    /// The documents that the pod reads.
    #[must_use]
    pub fn manifests(self, config_map: &str) -> Self {
        let source = ConfigMapVolumeSource {
            name: config_map.to_owned(),
            ..ConfigMapVolumeSource::default()
        };
        let volume = Volume {
            name: "manifests".to_owned(),
            config_map: Some(source),
            ..Volume::default()
        };
        self.with(volume, MANIFESTS, true)
    }

    /// Secrets, whole and optional: the program starts without, and says itself what is missing. A hard mount would
    /// leave the pod in `ContainerCreating`, and the name of the Secret in an event only (T16).
    #[must_use]
    pub fn secrets(self, names: &BTreeSet<String>) -> Self {
        names.iter().fold(self, |mounts, name| {
            let source = SecretVolumeSource {
                secret_name: Some(name.clone()),
                optional: Some(true),
                default_mode: Some(SECRET_MODE),
                ..SecretVolumeSource::default()
            };
            let volume = Volume {
                name: volume_name("secret", name),
                secret: Some(source),
                ..Volume::default()
            };
            mounts.with(volume, &format!("{SECRETS}/{name}"), true)
        })
    }

    /// ConfigMaps, whole and optional.
    #[must_use]
    pub fn config_maps(self, names: &BTreeSet<String>) -> Self {
        names.iter().fold(self, |mounts, name| {
            let source = ConfigMapVolumeSource {
                name: name.clone(),
                optional: Some(true),
                ..ConfigMapVolumeSource::default()
            };
            let volume = Volume {
                name: volume_name("config-map", name),
                config_map: Some(source),
                ..Volume::default()
            };
            mounts.with(volume, &format!("{CONFIG_MAPS}/{name}"), true)
        })
    }

    /// A token of the pod's service account for a token service, where the identity names an audience. It opens no
    /// Kubernetes API.
    #[must_use]
    pub fn identity(self, identity: Option<&Identity>) -> Self {
        let Some(audience) = identity.and_then(|identity| identity.audience.as_deref()) else {
            return self;
        };
        let token = ServiceAccountTokenProjection {
            audience: Some(audience.to_owned()),
            expiration_seconds: Some(TOKEN_LIFETIME),
            path: "token".to_owned(),
        };
        let projection = VolumeProjection {
            service_account_token: Some(token),
            ..VolumeProjection::default()
        };
        let volume = Volume {
            name: "identity".to_owned(),
            projected: Some(ProjectedVolumeSource {
                sources: Some(vec![projection]),
                default_mode: Some(SECRET_MODE),
            }),
            ..Volume::default()
        };
        self.with(volume, IDENTITY, true)
    }
}

/// Everything that the program needs to know and that no document says.
#[must_use]
pub fn environment(settings: &Settings, identity: Option<&Identity>) -> Vec<EnvVar> {
    let mut environment = vec![
        variable("TITAN_MANIFESTS", MANIFESTS),
        variable("TITAN_SECRETS", SECRETS),
        variable("TITAN_CONFIG_MAPS", CONFIG_MAPS),
        variable("TITAN_IN_POD", "true"),
        variable("TITAN_LOG_FORMAT", "json"),
        // The program refuses to dial its own pod.
        EnvVar {
            name: "POD_IPS".to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                field_ref: Some(ObjectFieldSelector {
                    api_version: Some("v1".to_owned()),
                    field_path: "status.podIPs".to_owned(),
                }),
                ..EnvVarSource::default()
            }),
        },
    ];
    if !settings.cdn_origins.is_empty() {
        let origins: Vec<_> = settings.cdn_origins.iter().map(Url::as_str).collect();
        environment.push(variable("TITAN_CDN_ORIGIN", &origins.join(",")));
    }
    if !settings.allow_cidrs.is_empty() {
        let ranges: Vec<_> = settings
            .allow_cidrs
            .iter()
            .map(ToString::to_string)
            .collect();
        environment.push(variable("TITAN_ALLOW_CIDR", &ranges.join(",")));
    }
    // The names that every AWS SDK reads, and that a platform's webhook would set.
    if let Some(identity) = identity.filter(|identity| identity.audience.is_some()) {
        let token = format!("{IDENTITY}/token");
        environment.push(variable("AWS_WEB_IDENTITY_TOKEN_FILE", &token));
        if let Some(role) = &identity.role_arn {
            environment.push(variable("AWS_ROLE_ARN", role));
        }
    }
    environment
}

/// A variable with a value.
#[must_use]
pub fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

/// A pod of the restricted profile with what the tenant wants of it, and no container yet.
#[must_use]
pub fn spec(settings: &Settings, identity: Option<&Identity>, wanted: PodTemplate) -> PodSpec {
    PodSpec {
        service_account_name: identity.map(|identity| identity.service_account_name.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(pod_security(settings.openshift)),
        node_selector: (!wanted.node_selector.is_empty()).then_some(wanted.node_selector),
        tolerations: some(wanted.tolerations),
        affinity: wanted.affinity,
        priority_class_name: wanted.priority_class_name,
        topology_spread_constraints: some(wanted.topology_spread_constraints),
        image_pull_secrets: some(wanted.image_pull_secrets),
        ..PodSpec::default()
    }
}

/// Security of a container of the restricted profile.
#[must_use]
pub fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        ..SecurityContext::default()
    }
}

/// Labels or annotations of a pod: the tenant's, and over them the operator's.
#[must_use]
pub fn overlaid(
    mut wanted: BTreeMap<String, String>,
    ours: BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    wanted.extend(ours);
    (!wanted.is_empty()).then_some(wanted)
}

/// Every Secret that a storage names.
#[must_use]
pub fn storage_secrets(spec: &TenantStorageSpec) -> BTreeSet<String> {
    let credentials = spec.credentials.secret_ref.as_ref();
    let bundle = spec
        .ca_bundle
        .as_ref()
        .and_then(|bundle| bundle.secret_ref.as_ref());
    credentials
        .map(|reference| reference.name.clone())
        .into_iter()
        .chain(bundle.map(|reference| reference.name.clone()))
        .collect()
}

/// Every ConfigMap that a storage names.
#[must_use]
pub fn storage_config_maps(spec: &TenantStorageSpec) -> BTreeSet<String> {
    spec.ca_bundle
        .as_ref()
        .and_then(|bundle| bundle.config_map_ref.as_ref())
        .map(|reference| reference.name.clone())
        .into_iter()
        .collect()
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

/// A Secret's name may be longer than a volume's, and have dots.
fn volume_name(kind: &str, name: &str) -> String {
    let hash = hex::encode(Sha256::digest(name));
    format!("{kind}-{}", hash.get(..10).unwrap_or(&hash))
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
