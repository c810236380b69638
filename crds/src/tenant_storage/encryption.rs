//! Encryption at rest that is asked of the store.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Encryption at rest that is asked of the store with every object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.keyId) == (self.type == 'KMS')")
    .message("spec.encryption.keyId is required with type KMS, and only allowed there")
    .field_path(".keyId"))]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// None (nothing is asked for), AES256 (keys of the store) or KMS (a key of a key service).
    #[serde(rename = "type")]
    pub type_: EncryptionType,

    /// Key of the key service. Required with type KMS, and only allowed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub key_id: Option<String>,
}

/// Who holds the key of objects at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EncryptionType {
    /// Nothing is asked for; the bucket's own setting holds.
    #[default]
    None,
    /// Keys of the store (SSE-S3).
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of a key service (SSE-KMS).
    #[serde(rename = "KMS")]
    Kms,
}
