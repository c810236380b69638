//! `MediaSession`: one WhatsApp session, where its messages come from and where its media goes.

mod accessors;
mod auth;
mod auto_persist;
mod expose;
mod network_policy;
mod send;
mod source;
mod status;
mod store;
mod transfers;
mod webhook;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PodTemplate, SecretRef};

pub use accessors::DEFAULT_REPLICAS;
pub use auth::Auth;
pub use auto_persist::{AutoPersist, Chats, DEFAULT_HOLD_WEBHOOK, DEFAULT_MAX_BYTES, MediaKind};
pub use expose::{Expose, HttpRoute, Ingress, ParentRef};
pub use network_policy::NetworkPolicy;
pub use send::{SendApi, SendType};
pub use source::{DEFAULT_DEVICE_NAME, Gateway, Proxy, Signature, SignatureType, Source, Whatsapp};
pub use status::{MediaSessionStatus, SessionState};
pub use store::{DEFAULT_RETENTION, DEFAULT_SIZE, Postgres, Reclaim, Sqlite, Store};
pub use transfers::{
    DEFAULT_MAX_CONCURRENT, DEFAULT_SEND_MESSAGES, DEFAULT_SEND_PER, DEFAULT_TRANSFER_TIMEOUT,
    RateLimit, SendRateLimit, Transfers,
};
pub use webhook::{
    DEFAULT_ATTEMPTS, DEFAULT_DELAY, DEFAULT_MAX_DELAY, DEFAULT_WEBHOOK_TIMEOUT, Header,
    HeaderSource, Retries, RetryPolicy, Webhook,
};

/// One WhatsApp session: where its messages come from, where its media goes, and who is told.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "titan.media",
    version = "v1alpha1",
    kind = "MediaSession",
    plural = "mediasessions",
    shortname = "msess",
    category = "media",
    namespaced,
    status = "MediaSessionStatus",
    derive = "PartialEq",
    doc = "MediaSession is one WhatsApp session: where its messages come from, where its media goes, and who is told of it. The operator runs one sidecar for it.",
    selectable = ".spec.storageRef.name",
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
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="SessionConnected")].reason"#
    ),
    printcolumn(name = "Storage", type_ = "string", json_path = ".spec.storageRef.name"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Phone",
        type_ = "string",
        json_path = ".status.phoneNumber",
        priority = "1"
    ),
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
    validation = Rule::new("has(self.session) == has(oldSelf.session) && (!has(self.session) || self.session == oldSelf.session)")
        .message("spec.session is immutable")
        .field_path(".session"),
    validation = Rule::new("(has(self.store) && has(self.store.postgres)) == (has(oldSelf.store) && has(oldSelf.store.postgres))")
        .message("the kind of spec.store is immutable: sqlite stays sqlite, postgres stays postgres")
        .field_path(".store"),
    validation = Rule::new("(has(self.store) && has(self.store.sqlite) && has(self.store.sqlite.storageClassName) ? self.store.sqlite.storageClassName : '') == (has(oldSelf.store) && has(oldSelf.store.sqlite) && has(oldSelf.store.sqlite.storageClassName) ? oldSelf.store.sqlite.storageClassName : '')")
        .message("spec.store.sqlite.storageClassName is immutable")
        .field_path(".store"),
    validation = Rule::new("(has(self.store) && has(self.store.sqlite) && has(self.store.sqlite.ephemeral) && self.store.sqlite.ephemeral) == (has(oldSelf.store) && has(oldSelf.store.sqlite) && has(oldSelf.store.sqlite.ephemeral) && oldSelf.store.sqlite.ephemeral)")
        .message("spec.store.sqlite.ephemeral is immutable")
        .field_path(".store"),
    validation = Rule::new("quantity(has(self.store) && has(self.store.sqlite) && has(self.store.sqlite.size) ? string(self.store.sqlite.size) : '1Gi').compareTo(quantity(has(oldSelf.store) && has(oldSelf.store.sqlite) && has(oldSelf.store.sqlite.size) ? string(oldSelf.store.sqlite.size) : '1Gi')) >= 0")
        .message("spec.store.sqlite.size may only grow (left out, it is 1Gi)")
        .field_path(".store"),
    validation = Rule::new("!has(self.replicas) || self.replicas <= 1 || (has(self.store) && has(self.store.postgres))")
        .message("spec.replicas above 1 needs spec.store.postgres")
        .field_path(".replicas"),
    validation = Rule::new("!has(self.source) || !has(self.source.whatsapp) || !has(self.store) || !has(self.store.postgres)")
        .message("spec.source.whatsapp needs spec.store.sqlite")
        .field_path(".source"),
    validation = Rule::new("!has(self.source) || !has(self.source.whatsapp) || !has(self.store) || !has(self.store.sqlite) || !has(self.store.sqlite.ephemeral) || !self.store.sqlite.ephemeral")
        .message("spec.source.whatsapp needs a volume: spec.store.sqlite.ephemeral must be false")
        .field_path(".source"),
    validation = Rule::new("!has(self.source) || !has(self.source.whatsapp) || !has(self.replicas) || self.replicas <= 1")
        .message("spec.source.whatsapp needs spec.replicas 1")
        .field_path(".replicas"),
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::shape)]
pub struct MediaSessionSpec {
    /// Name of the session in the API. Immutable. Default: metadata.name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")
    )]
    pub session: Option<String>,

    /// TenantStorage of the same namespace that media is persisted to. Left out: download works, persist
    /// answers 409 `storage_not_configured`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_ref: Option<StorageRef>,

    /// Where messages come from: at most one of `gateway` and `whatsapp`. Default: a gateway that posts its
    /// webhooks with an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,

    /// Which media is saved to the bucket as it arrives. Default: all of it, in chats, groups and
    /// newsletters, up to 2Gi a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_persist: Option<AutoPersist>,

    /// Who is told of messages and media. Each URL may stand here once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["url".into()]))]
    pub webhooks: Vec<Webhook>,

    /// Which keys open the API. Default: one key, that the operator creates once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,

    /// Where records are kept: at most one of `sqlite` and `postgres`. Default: sqlite on a volume of 1Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,

    /// Number of sidecars. More than 1 needs `store.postgres`. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32))]
    pub replicas: Option<i32>,

    /// How the session's API is reached from outside the cluster: exactly one of `httpRoute` and `ingress`,
    /// with the path /api/sessions/{session}/. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,

    /// Makes the session's Service speak TLS. Default: plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,

    /// Bounds of the transfers between WhatsApp, the bucket and callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfers: Option<Transfers>,

    /// Bound of API requests, each key on its own and each sidecar for itself; what gateways hand in is not
    /// counted. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,

    /// Bound of messages sent, whichever key asks for them and each sidecar for itself: WhatsApp bans
    /// accounts that send too fast. Default: 60 in 1m as a linked device, none through a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_rate_limit: Option<SendRateLimit>,

    /// The NetworkPolicy of the session's pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,

    /// Stops the session: no pod runs, records and objects stay. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,

    /// What the session's pods shall have beyond what they need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

/// A TenantStorage of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageRef {
    /// Name of the TenantStorage.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
}

/// The certificate that the session's Service speaks TLS with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Secret of type kubernetes.io/tls (tls.crt, tls.key). It is read anew when it is renewed.
    pub secret_ref: SecretRef,
}
