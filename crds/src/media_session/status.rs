//! What the operator reports about a session.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator reports about a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::shape)]
pub struct MediaSessionStatus {
    /// Generation of the object that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready, StorageReady, WorkloadAvailable, WebhooksReady, SessionConnected, Exposed; and Reconciling or
    /// Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Address of the session's API within the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,

    /// Address of the session's API from outside the cluster, where it is known.
    #[serde(rename = "externalURL", skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,

    /// Image that the sidecar runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,

    /// Secret that the operator created for the session's API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret: Option<String>,

    /// State of the linked device, where the session has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_state: Option<SessionState>,

    /// Number of the linked device's phone, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// State of a linked device; the condition SessionConnected says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionState {
    /// It is coming up, waits for its code to be scanned, or connects again.
    Connecting,
    /// It is linked and connected.
    Connected,
    /// It is not connected.
    Disconnected,
}
