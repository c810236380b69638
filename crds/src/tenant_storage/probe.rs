//! How the bucket is checked where no session runs that could tell.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, PodTemplate};

/// How the bucket is checked where no session runs that could tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Time between two checks of a healthy bucket: 1m to 30d. Default 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1m') && self <= duration('720h')")
        .message("spec.probe.every must be between 1m and 30d"))]
    pub every: Option<Duration>,

    /// What the pod of the check shall have beyond what it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}
