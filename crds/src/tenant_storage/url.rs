//! What `mediaUrl` and `s3Url` look like.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;

/// What `mediaUrl` and `s3Url` look like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.publicBaseUrl) == (has(self.mode) && self.mode == 'Public')")
        .message("spec.url.publicBaseUrl is required with mode Public, and only allowed there")
        .field_path(".publicBaseUrl"),
    validation = Rule::new("!has(self.expiresIn) || !has(self.mode) || self.mode == 'Presigned'")
        .message("spec.url.expiresIn is only allowed with mode Presigned")
        .field_path(".expiresIn"),
    validation = Rule::new("!has(self.publicEndpoint) || !has(self.mode) || self.mode != 'Public'")
        .message("spec.url.publicEndpoint is only allowed with mode Presigned or Direct")
        .field_path(".publicEndpoint"),
)]
#[serde(rename_all = "camelCase")]
pub struct StorageUrl {
    /// Presigned (works on a private bucket at once), Direct (the plain address of the object) or Public
    /// (an address below `publicBaseUrl`). Default Presigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<UrlMode>,

    /// Address that serves the bucket to the public, such as a CDN; the object key is appended. Required
    /// with mode Public, and only allowed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")
    )]
    pub public_base_url: Option<String>,

    /// How long a presigned URL is valid: 1m to 7d, and never longer than the credentials live. Only with
    /// mode Presigned. Default 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1m') && self <= duration('168h')")
        .message("spec.url.expiresIn must be between 1m and 7d"))]
    pub expires_in: Option<Duration>,

    /// Address of the S3 service as callers reach it, where it differs from `endpoint`; used for presigned
    /// and direct URLs. Default: the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = r"^https?://[^\s/@?#]+/?$"))]
    pub public_endpoint: Option<String>,
}

/// What the URL of an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UrlMode {
    /// Signed and valid for a while; works on a private bucket.
    #[default]
    Presigned,
    /// The plain address of the object in the store.
    Direct,
    /// An address below `publicBaseUrl`.
    Public,
}
