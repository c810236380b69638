//! What opens the bucket: keys in a Secret, or the identity of a service account.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What opens the bucket: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.secretRef) != has(self.identity)")
    .message("spec.credentials needs exactly one of secretRef and identity"))]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Keys in a Secret of the same namespace. It is read anew when it changes; the next request uses the new
    /// keys. The Secret may also hold `bucket`, `endpoint` and `region` where the spec leaves them out, or be
    /// one that COSI wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<CredentialsSecretRef>,

    /// The identity of a service account, exchanged for short-lived keys that are renewed in time (IRSA and
    /// alike).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// A Secret with bucket credentials, and under which keys they stand in it.
///
/// A key name left out is looked for under its usual names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsSecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Key that holds the access key id. Left out: `AWS_ACCESS_KEY_ID`, accessKeyId and other usual names, or a
    /// COSI `BucketInfo` document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub access_key_id: Option<String>,

    /// Key that holds the secret access key. Left out: `AWS_SECRET_ACCESS_KEY`, secretAccessKey and other usual
    /// names, or a COSI `BucketInfo` document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub secret_access_key: Option<String>,

    /// Key that holds the session token of temporary credentials. Left out: `AWS_SESSION_TOKEN`, sessionToken
    /// and other usual names, if there is one. The key `expiration` or `AWS_CREDENTIAL_EXPIRATION` beside it
    /// says when they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub session_token: Option<String>,
}

/// The identity of a service account, exchanged for short-lived bucket keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Service account of the same namespace that the sidecar's pod runs as.
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,

    /// Audience of a projected token that is mounted for the exchange (MinIO STS and other services). Left
    /// out: the platform's own webhook provides the token, as IRSA does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub audience: Option<String>,

    /// Role to assume. Left out: what the platform sets in the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub role_arn: Option<String>,

    /// Address of the token service. Left out: that of AWS in the bucket's region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = r"^https?://[^\s@?#]+$"))]
    pub sts_endpoint: Option<String>,
}
