//! `TenantStorage`: a bucket of a tenant, how to reach it, and how its objects are named and linked.

mod accessors;
mod ca_bundle;
mod credentials;
mod encryption;
mod probe;
mod status;
mod url;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use accessors::{DEFAULT_KEY_TEMPLATE, DEFAULT_PROBE_EVERY, DEFAULT_URL_EXPIRES_IN};
pub use ca_bundle::CaBundle;
pub use credentials::{Credentials, CredentialsSecretRef, Identity};
pub use encryption::{Encryption, EncryptionType};
pub use probe::Probe;
pub use status::{ProbeResult, TenantStorageStatus};
pub use url::{StorageUrl, UrlMode};

/// A bucket of the tenant's own, and how media objects are written to it.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "titan.media",
    version = "v1alpha1",
    kind = "TenantStorage",
    plural = "tenantstorages",
    shortname = "tstore",
    category = "media",
    namespaced,
    status = "TenantStorageStatus",
    derive = "PartialEq",
    doc = "TenantStorage names a bucket of the tenant's own: where it is, which credentials open it, how objects are named, and what their URLs look like.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Bucket", type_ = "string", json_path = ".status.bucket"),
    printcolumn(name = "Sessions", type_ = "integer", json_path = ".status.sessions"),
    printcolumn(name = "Last Probe", type_ = "date", json_path = ".status.lastProbeTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    ),
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("metadata.name must be at most 40 characters long"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label: lower-case letters, digits and '-'"),
)]
#[x_kube(
    validation = Rule::new("has(self.bucket) == has(oldSelf.bucket) && (!has(self.bucket) || self.bucket == oldSelf.bucket)")
        .message("spec.bucket is immutable")
        .field_path(".bucket"),
    validation = Rule::new("has(self.bucket) || has(self.credentials.secretRef)")
        .message("spec.bucket is required, unless the Secret of spec.credentials.secretRef holds it")
        .field_path(".bucket"),
    validation = Rule::new("has(self.region) || has(self.endpoint) || has(self.credentials.secretRef)")
        .message("spec.region is required for AWS S3, that is without spec.endpoint")
        .field_path(".region"),
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::shape)]
pub struct TenantStorageSpec {
    /// Address of the S3 service, such as `https://minio.acme.svc:9000`. Left out: AWS S3 in `region`,
    /// or what the key `endpoint` of the credentials Secret says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = r"^https?://[^\s/@?#]+/?$"))]
    pub endpoint: Option<String>,

    /// Region of the bucket. Required for AWS S3; "auto" is right for Cloudflare R2. Left out: what the
    /// key `region` of the credentials Secret says, and with an endpoint else us-east-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9-]*$")
    )]
    pub region: Option<String>,

    /// Name of the bucket. Immutable. May be left out only if the credentials Secret holds the key
    /// `bucket`; the name found is then recorded in the status, and a later change of it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 3, max = 63),
        regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$")
    )]
    pub bucket: Option<String>,

    /// Put before every object key, such as "whatsapp/". Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        regex(pattern = r"^([A-Za-z0-9!_.*'()=@+,-][A-Za-z0-9!_.*'()=@+,/-]*)?$")
    )]
    #[x_kube(validation = Rule::new("!('/' + self + '/').contains('/./') && !('/' + self + '/').contains('/../') && !self.contains('//')")
        .message("spec.prefix must have no empty, '.' or '..' segment"))]
    pub prefix: Option<String>,

    /// How the bucket stands in a request: Auto, Path (`https://host/bucket/key`) or VirtualHosted
    /// (`https://bucket.host/key`). Default Auto: Path where an endpoint is set that is neither AWS nor R2,
    /// else VirtualHosted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,

    /// What opens the bucket: exactly one of `secretRef` and `identity`.
    pub credentials: Credentials,

    /// What `mediaUrl` and `s3Url` look like. Default: presigned URLs, valid for 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<StorageUrl>,

    /// Object key after the prefix. Placeholders: {tenant} (the namespace), {session}, {yyyy}, {mm}, {dd}
    /// (of the message, in UTC), {mediaId}, {messageId}, {sha256}, {kind}, {ext}. It must contain {mediaId}
    /// or {sha256}. Default: {tenant}/{session}/{yyyy}/{mm}/{dd}/{mediaId}.{ext}
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(
            pattern = r"^([A-Za-z0-9!_.*'()=@+,-]|\{(tenant|session|yyyy|mm|dd|mediaId|messageId|sha256|kind|ext)\})([A-Za-z0-9!_.*'()=@+,/-]|\{(tenant|session|yyyy|mm|dd|mediaId|messageId|sha256|kind|ext)\})*$"
        )
    )]
    #[x_kube(
        validation = Rule::new("self.contains('{mediaId}') || self.contains('{sha256}')")
            .message("spec.keyTemplate must contain {mediaId} or {sha256}"),
        validation = Rule::new("!('/' + self + '/').contains('/./') && !('/' + self + '/').contains('/../') && !('/' + self + '/').contains('//')")
            .message("spec.keyTemplate must have no empty, '.' or '..' segment"),
    )]
    pub key_template: Option<String>,

    /// Encryption at rest that is asked of the store with every object. Default: none is asked for, the
    /// bucket's own setting holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,

    /// Storage class of new objects, such as STANDARD or `STANDARD_IA`. Default: the bucket's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub storage_class: Option<String>,

    /// Certificates of a private CA that signed the endpoint's certificate, added to the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<CaBundle>,

    /// How the bucket is checked where no session runs that could tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// How the bucket stands in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Addressing {
    /// Path where an endpoint is set that is neither AWS nor R2, else virtual-hosted.
    #[default]
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    VirtualHosted,
}
