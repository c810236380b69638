//! Names, labels and annotations that the operator writes. They are an interface.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use titan_crds::{MediaSession, TenantStorage};

/// Who events are from, and who `managed-by` names.
pub const OPERATOR: &str = "titan-operator";
/// `app.kubernetes.io/name` of everything that serves a session or checks a bucket.
pub const SIDECAR: &str = "titan-sidecar";

/// Label: who made the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label: which program it is.
pub const NAME: &str = "app.kubernetes.io/name";
/// Label: which one of them.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label: the `MediaSession` that the object belongs to.
pub const SESSION: &str = "titan.media/session";
/// Label: the `TenantStorage` that the object belongs to.
pub const STORAGE: &str = "titan.media/storage";
/// Label of namespaces whose sessions get a new image first.
pub const CANARY: &str = "titan.media/canary";

/// Annotation of a child: hash of what was applied last.
pub const APPLIED_HASH: &str = "titan.media/applied-hash";
/// Annotation of a Deployment: hash of what the session itself, and not the platform, asks of its pods.
pub const INPUTS_HASH: &str = "titan.media/inputs-hash";
/// Annotation of a pod that makes the kubelet look at its volumes at once.
pub const REFRESH: &str = "titan.media/refresh";
/// Annotation of a `TenantStorage`: a check is asked for now.
pub const REQUESTED_AT: &str = "titan.media/requested-at";

/// Field manager of a `MediaSession`'s children and status.
pub const SESSION_MANAGER: &str = "titan-operator/session";
/// Field manager of a `TenantStorage`'s children and status.
pub const STORAGE_MANAGER: &str = "titan-operator/storage";

/// What the names of a session's children begin with.
pub const SESSION_PREFIX: &str = "msess-";
/// What the names of a storage's children begin with.
pub const STORAGE_PREFIX: &str = "tstore-";

/// Selects everything that the operator made.
#[must_use]
pub fn managed_selector() -> String {
    format!("{MANAGED_BY}={OPERATOR}")
}

/// The object that children belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Kind of the resource.
    pub kind: &'static str,
    /// Namespace, also of every child.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid of this very incarnation.
    pub uid: String,
    /// Label of the children that holds the name.
    pub label: &'static str,
    /// What the names of the children begin with.
    prefix: &'static str,
}

impl Owner {
    /// The session as an owner; `None` if the object does not come from the API server.
    #[must_use]
    pub fn session(session: &MediaSession) -> Option<Self> {
        Self::new(session, "MediaSession", SESSION, SESSION_PREFIX)
    }

    /// The storage as an owner; `None` if the object does not come from the API server.
    #[must_use]
    pub fn storage(storage: &TenantStorage) -> Option<Self> {
        Self::new(storage, "TenantStorage", STORAGE, STORAGE_PREFIX)
    }

    fn new(
        object: &impl Resource,
        kind: &'static str,
        label: &'static str,
        prefix: &'static str,
    ) -> Option<Self> {
        Some(Self {
            kind,
            namespace: object.namespace()?,
            name: object.meta().name.clone()?,
            uid: object.uid()?,
            label,
            prefix,
        })
    }

    /// Name of the children: `msess-<name>`, `tstore-<name>`.
    #[must_use]
    pub fn child_name(&self) -> String {
        format!("{}{}", self.prefix, self.name)
    }

    /// Labels of every child.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (MANAGED_BY.to_owned(), OPERATOR.to_owned()),
            (NAME.to_owned(), SIDECAR.to_owned()),
            (INSTANCE.to_owned(), self.child_name()),
            (self.label.to_owned(), self.name.clone()),
        ])
    }

    /// The owner reference of a child that goes with its owner.
    #[must_use]
    pub fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: titan_crds::schema::API_VERSION.to_owned(),
            kind: self.kind.to_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }
}
