//! Names of objects, and what their status says.

use std::fmt;

use serde_json::Value;

/// One object of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// Kind as in [`Object::collection`].
    pub(crate) kind: &'static str,
    /// Namespace; empty for what has none.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

// === impl Object ===

impl Object {
    /// An object in a namespace.
    pub(crate) fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Its path in the API.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", collection(self.kind, &self.namespace), self.name)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Path of all objects of a kind in a namespace.
pub(crate) fn collection(kind: &str, namespace: &str) -> String {
    let (group, plural) = match kind {
        "ConfigMap" => ("/api/v1", "configmaps"),
        "Deployment" => ("/apis/apps/v1", "deployments"),
        "Endpoints" => ("/apis/discovery.k8s.io/v1", "endpointslices"),
        "Event" => ("/apis/events.k8s.io/v1", "events"),
        "HTTPRoute" => ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
        "Ingress" => ("/apis/networking.k8s.io/v1", "ingresses"),
        "Job" => ("/apis/batch/v1", "jobs"),
        "Lease" => ("/apis/coordination.k8s.io/v1", "leases"),
        "MediaSession" => ("/apis/titan.media/v1alpha1", "mediasessions"),
        "NetworkPolicy" => ("/apis/networking.k8s.io/v1", "networkpolicies"),
        "PersistentVolumeClaim" => ("/api/v1", "persistentvolumeclaims"),
        "Pod" => ("/api/v1", "pods"),
        "PodDisruptionBudget" => ("/apis/policy/v1", "poddisruptionbudgets"),
        "ReplicaSet" => ("/apis/apps/v1", "replicasets"),
        "Secret" => ("/api/v1", "secrets"),
        "Service" => ("/api/v1", "services"),
        "TenantStorage" => ("/apis/titan.media/v1alpha1", "tenantstorages"),
        other => panic!("where are objects of kind {other}?"),
    };
    format!("{group}/namespaces/{namespace}/{plural}")
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether a condition has this status, and this reason unless it is empty.
pub(crate) fn says(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    condition(object, kind).is_some_and(|condition| {
        condition["status"] == status && (reason.is_empty() || condition["reason"] == reason)
    })
}

/// Message of a condition; empty where there is none.
pub(crate) fn message(object: &Value, kind: &str) -> String {
    let text = condition(object, kind).and_then(|condition| condition["message"].as_str());
    text.unwrap_or_default().to_owned()
}

/// Whether status speaks of the spec as it is.
pub(crate) fn is_current(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}
