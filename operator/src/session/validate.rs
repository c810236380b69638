//! From a `MediaSession` and the storage it refers to, both as they are, to a session that can be built.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ResourceRequirements;
use serde::Serialize;
use titan_crds::{
    MediaSession, MediaSessionSpec, PodTemplate, Reason, SecretKeyRef, SecretRef,
    media_session::{Expose, HttpRoute, Ingress, NetworkPolicy, Reclaim},
    tenant_storage::Identity as WorkloadIdentity,
    unsupported,
};

use super::{
    name::{ChildName, NameError},
    reference,
};
use crate::{
    document::{self, DocumentError, Identity, StorageDocument},
    names::Owner,
    pod,
    settings::Settings,
};

/// Why nothing can be built of a session until a person changes it.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// The object was never on an API server.
    #[error("{0} is missing")]
    Metadata(&'static str),
    /// Its name is not one that children can be named after.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has no document for its pod.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It asks for what no code does.
    #[error("this version does not honour {}", .0.join(", "))]
    Unsupported(Vec<&'static str>),
    /// It asks for a linked device, and the platform runs none.
    #[error("spec.source.whatsapp: this installation has no image for linked devices")]
    NoDeviceImage,
}

/// A session that can be built: every absence resolved, every name checked.
#[derive(Clone, Debug)]
pub struct ValidatedSession {
    /// The object, as the owner of its children.
    pub owner: Owner,
    /// Its generation, as it was read.
    pub generation: i64,
    /// Name of the children.
    pub child: ChildName,
    /// Name in the API.
    pub api_name: String,
    /// Which Secret opens the API.
    pub api_key: ApiKey,
    /// What the pod reads of the session.
    pub document: String,
    /// What the pod reads of the storage, if there is one.
    pub storage: Option<StorageDocument>,
    /// Secrets that the sidecar reads.
    pub secrets: BTreeSet<String>,
    /// Each `ConfigMap` that the pod mounts, beside its own.
    pub config_maps: BTreeSet<String>,
    /// Where records are kept.
    pub records: Records,
    /// Number of sidecars; 0 while suspended.
    pub replicas: i32,
    /// The Service speaks TLS.
    pub tls: bool,
    /// The linked device, where the session has one of its own.
    pub device: Option<Device>,
    /// Somebody is told of messages.
    pub has_webhooks: bool,
    /// What the tenant wants of the pods.
    pub pod: PodTemplate,
    /// The `NetworkPolicy`, if there is one.
    pub network: Option<Network>,
    /// How the API is reached from outside the cluster.
    pub exposure: Exposure,
}

/// Which Secret opens the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKey {
    /// The tenant's own.
    Given(String),
    /// The operator creates it, once.
    Created(String),
}

/// A linked device: what its container is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// Image that the platform gives to it.
    #[serde(skip)]
    pub image: String,
    /// Name in the phone's list.
    pub name: String,
    /// The account is shown as online.
    pub mark_online: bool,
    /// The chats' history is taken. Sessions without it are the same inputs as before it was known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// Where the URL of its proxy is.
    pub proxy: Option<SecretKeyRef>,
    /// Where the key is that seals its own keys.
    pub store_key: Option<SecretKeyRef>,
    /// Requests and limits, where the tenant names them.
    pub resources: Option<ResourceRequirements>,
}

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// On a volume of the session's own.
    Volume {
        /// Bytes.
        size: u64,
        /// Storage class; the cluster's default where there is none.
        class: Option<String>,
        /// The volume goes with the session.
        delete: bool,
    },
    /// As long as the pod lives.
    Ephemeral {
        /// Bytes.
        size: u64,
    },
    /// In a database that several sidecars share.
    Shared,
}

/// What the `NetworkPolicy` lets through beyond what every session needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Ports on the internet.
    pub ports: BTreeSet<u16>,
    /// The pod gets short-lived credentials from an agent on its node.
    pub workload_identity: bool,
    /// The tenant's own rules.
    pub policy: NetworkPolicy,
}

/// How the API is reached from outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Not at all.
    None,
    /// Through a Gateway.
    HttpRoute(HttpRoute),
    /// Through an Ingress.
    Ingress(Ingress),
    /// It should be, under host names that the platform does not allow.
    Refused(Vec<String>),
}

// === impl Invalid ===

impl Invalid {
    /// The reason of the condition that tells it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        Reason::Unsupported
    }
}

// === impl Device ===

impl Device {
    /// Secrets that the device reads.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        let references = [&self.proxy, &self.store_key].into_iter().flatten();
        references.map(|reference| reference.name.clone()).collect()
    }
}

// === impl ValidatedSession ===

impl ValidatedSession {
    /// The pods stop because the spec says so.
    #[must_use]
    pub const fn suspended(&self) -> bool {
        self.replicas == 0
    }

    /// The identity that opens the bucket, if it is not a Secret.
    #[must_use]
    pub fn workload_identity(&self) -> Option<&WorkloadIdentity> {
        self.storage.as_ref()?.spec.credentials.identity.as_ref()
    }
}

/// Checks a session, and resolves what it leaves out. `storage` is the one that it refers to, as far as there is one.
///
/// # Errors
/// [`Invalid`]: what keeps it from being built.
pub fn validate(
    session: &MediaSession,
    storage: Option<StorageDocument>,
    settings: &Settings,
) -> Result<ValidatedSession, Invalid> {
    let paths = unsupported::of_session(&session.spec);
    if paths.is_empty() {
        resolve(session, storage, settings)
    } else {
        Err(Invalid::Unsupported(paths))
    }
}

/// The same, without a look at what the sidecar honours.
///
/// # Errors
/// [`Invalid`], but for [`Invalid::Unsupported`].
pub(super) fn resolve(
    session: &MediaSession,
    storage: Option<StorageDocument>,
    settings: &Settings,
) -> Result<ValidatedSession, Invalid> {
    let id = Identity::of(&session.metadata).map_err(Invalid::Metadata)?;
    let owner = Owner::session(session).ok_or(Invalid::Metadata("metadata"))?;
    let child = ChildName::of(&owner)?;
    let (spec, api_key) = fill_in_api_key(&session.spec, &child, &id.uid);
    let storage_spec = storage.as_ref().map(|storage| &storage.spec);
    let endpoint = storage
        .as_ref()
        .and_then(|storage| storage.endpoint.as_deref());
    let policy = spec.network_policy();
    let agent = |identity: &WorkloadIdentity| identity.audience.is_none();
    Ok(ValidatedSession {
        document: document::session(&id, &spec)?,
        secrets: reference::secrets(&spec, storage_spec),
        config_maps: storage_spec
            .map(pod::storage_config_maps)
            .unwrap_or_default(),
        records: records(&spec),
        replicas: if spec.suspend() { 0 } else { spec.replicas() },
        tls: spec.tls.is_some(),
        device: device(&spec, settings)?,
        has_webhooks: !spec.webhooks.is_empty(),
        pod: spec.pod_template.clone().unwrap_or_default(),
        network: policy.enabled().then(|| Network {
            ports: reference::ports(&spec, storage_spec, endpoint),
            workload_identity: storage_spec
                .and_then(|storage| storage.credentials.identity.as_ref())
                .is_some_and(agent),
            policy,
        }),
        exposure: exposure(spec.expose.as_ref(), &id.namespace, settings),
        api_name: session.api_name().to_owned(),
        api_key,
        storage,
        child,
        owner,
        generation: id.generation,
    })
}

/// A sidecar never guesses: what it reads names the Secret that opens its API.
fn fill_in_api_key(
    spec: &MediaSessionSpec,
    child: &ChildName,
    uid: &str,
) -> (MediaSessionSpec, ApiKey) {
    let mut spec = spec.clone();
    let mut auth = spec.auth();
    let api_key = if let Some(reference) = &auth.api_keys_secret_ref {
        ApiKey::Given(reference.name.clone())
    } else {
        let name = child.api_key_secret(uid);
        auth.api_keys_secret_ref = Some(SecretRef { name: name.clone() });
        ApiKey::Created(name)
    };
    spec.auth = Some(auth);
    (spec, api_key)
}

fn device(spec: &MediaSessionSpec, settings: &Settings) -> Result<Option<Device>, Invalid> {
    let Some(whatsapp) = spec.whatsapp() else {
        return Ok(None);
    };
    let image = settings.whatsapp_image.as_ref();
    Ok(Some(Device {
        image: image.ok_or(Invalid::NoDeviceImage)?.to_string(),
        name: whatsapp.device_name().to_owned(),
        mark_online: whatsapp.mark_online(),
        history: whatsapp.history(),
        proxy: whatsapp
            .proxy
            .as_ref()
            .map(|proxy| proxy.url_secret_ref.clone()),
        store_key: spec.store().encryption_key_secret_ref,
        resources: whatsapp.resources.clone(),
    }))
}

fn records(spec: &MediaSessionSpec) -> Records {
    let store = spec.store();
    match store.sqlite() {
        None => Records::Shared,
        Some(sqlite) if sqlite.ephemeral() => Records::Ephemeral {
            size: sqlite.size(),
        },
        Some(sqlite) => Records::Volume {
            size: sqlite.size(),
            class: sqlite.storage_class_name,
            delete: store.reclaim() == Reclaim::Delete,
        },
    }
}

fn exposure(expose: Option<&Expose>, namespace: &str, settings: &Settings) -> Exposure {
    let refused = |names: &[String]| {
        let refused = names
            .iter()
            .filter(|host| !settings.allows_host(namespace, host));
        refused.cloned().collect::<Vec<_>>()
    };
    let (found, refused) = match expose {
        Some(Expose {
            http_route: Some(route),
            ..
        }) => (
            Exposure::HttpRoute(route.clone()),
            refused(&route.hostnames),
        ),
        Some(Expose {
            ingress: Some(ingress),
            ..
        }) => (
            Exposure::Ingress(ingress.clone()),
            refused(std::slice::from_ref(&ingress.host)),
        ),
        _ => return Exposure::None,
    };
    if refused.is_empty() {
        found
    } else {
        Exposure::Refused(refused)
    }
}
