//! The schema of each resource as Kubernetes gets it, and what it says about a document.

mod bounds;
mod chart;
mod path;
mod rules;
mod shape;
mod unknown;
mod validate;
mod yaml;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::CustomResourceExt;
use serde_json::Value;

pub use chart::chart_template;
pub(crate) use shape::shape;
pub use unknown::unknown_fields;
pub use validate::{FieldError, validate, validate_update};
pub use yaml::{YamlError, file_name, yaml};

use crate::{MediaSession, TenantStorage};

/// API group and version of both resources.
pub const API_VERSION: &str = "titan.media/v1alpha1";

/// Which of the two resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A bucket of a tenant.
    TenantStorage,
    /// A WhatsApp session.
    MediaSession,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::TenantStorage, Self::MediaSession];

    /// The name as it stands in a document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantStorage => "TenantStorage",
            Self::MediaSession => "MediaSession",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind of a document, if it is one of ours in the version that is read here.
    #[must_use]
    pub fn of(document: &Value) -> Option<Self> {
        let text = |key| document.get(key).and_then(Value::as_str);
        (text("apiVersion")? == API_VERSION)
            .then(|| Self::from_name(text("kind")?))
            .flatten()
    }
}

/// The definition of a resource, as it is applied to a cluster.
#[must_use]
pub fn crd(kind: Kind) -> CustomResourceDefinition {
    match kind {
        Kind::TenantStorage => TenantStorage::crd(),
        Kind::MediaSession => MediaSession::crd(),
    }
}

/// The `openAPIV3Schema` of a resource, rules and descriptions included.
#[must_use]
pub fn schema(kind: Kind) -> &'static Value {
    static TENANT_STORAGE: LazyLock<Value> = LazyLock::new(|| read(Kind::TenantStorage));
    static MEDIA_SESSION: LazyLock<Value> = LazyLock::new(|| read(Kind::MediaSession));
    match kind {
        Kind::TenantStorage => &TENANT_STORAGE,
        Kind::MediaSession => &MEDIA_SESSION,
    }
}

/// A definition always has one version with a schema; a test holds that this is no `Null`.
fn read(kind: Kind) -> Value {
    let version = crd(kind).spec.versions.into_iter().next();
    let schema = version.and_then(|version| version.schema?.open_api_v3_schema);
    serde_json::to_value(schema).unwrap_or_default()
}
