//! Where the certificates of a private CA stand.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{ConfigMapKeyRef, SecretKeyRef};

/// PEM certificates of a private CA: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.configMapRef) != has(self.secretRef)")
    .message("spec.caBundle needs exactly one of configMapRef and secretRef"))]
#[serde(rename_all = "camelCase")]
pub struct CaBundle {
    /// Key of a ConfigMap of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapKeyRef>,

    /// Key of a Secret of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
}
