//! What a sidecar says of itself: `/status` of its admin port, and the verdict that `probe` prints.
//!
//! The sidecar writes it and the operator reads it, and the two may be of different releases: every field has a
//! default, and a field that the reader does not know is passed over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::media_session::SessionState;

/// Annotation of the `TenantStorage` that a pod reads: the bucket that was found first, where the credentials
/// Secret names it. Another one is refused as `BucketChanged`.
pub const BUCKET_ANNOTATION: &str = "titan.media/bucket";

/// The answer of `/status`: a process and its sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarStatus {
    /// Version of the program.
    pub version: String,
    /// It takes work.
    pub ready: bool,
    /// Configurations refused since the start; the last good one is in force.
    pub config_errors: u64,
    /// Why the newest configuration was refused, until a good one is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_error: Option<String>,
    /// The sessions that run, those that can't start now, and those that are suspended.
    pub sessions: Vec<SessionReport>,
    /// Sessions that can't start now, by API name, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionReport {
    /// Namespace.
    pub namespace: String,
    /// `metadata.name` of the `MediaSession`.
    pub object: String,
    /// `metadata.uid` of the `MediaSession`; empty where the document names none.
    pub uid: String,
    /// API name.
    pub session: String,
    /// Generation of the `MediaSession` that is loaded.
    pub generation: i64,
    /// Generation of the `TenantStorage` that is loaded; 0 where there is none.
    pub storage_generation: i64,
    /// What the resources name and is not there, or is of no use.
    pub missing: Vec<Problem>,
    /// Paths of fields that are set and that this version does not honour, such as `spec.tls` or
    /// `TenantStorage/acme: spec.credentials.identity`.
    pub unsupported: Vec<String>,
    /// `open`, or what is wrong with the store.
    pub store: String,
    /// The bucket.
    pub bucket: BucketVerdict,
    /// Webhooks that can't be delivered to now.
    pub webhooks: Vec<Problem>,
    /// The linked device, where the session has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceReport>,
    /// How many records, transfers and deliveries are in which state.
    pub queue: BTreeMap<String, u64>,
}

/// A linked device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceReport {
    /// Whether it is connected.
    pub state: SessionState,
    /// Why it is not: name of a [`crate::Reason`]; none while it comes up for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next connection is tried, where there is a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Number of its phone, masked; none before it is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// Something that keeps a part of a session from working.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// Field of the `MediaSession` that leads to it, such as `spec.storageRef` or `spec.webhooks[0]`.
    pub field: String,
    /// Name of a [`crate::Reason`].
    pub reason: String,
    /// In words; never with a secret value.
    pub message: String,
    /// The Secret that it is about, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What is known of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BucketVerdict {
    /// `Ready`, or the name of the [`crate::Reason`] why not; empty before the first check.
    pub reason: String,
    /// In words; never with credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The store's own error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Name of the bucket in use, also where the Secret gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Address of the S3 service in use; absent for AWS S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Region in use; with `WrongRegion` the right one, where the store named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A connection came up and the store answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// The store knows the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<bool>,
    /// `PutObject` is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put: Option<bool>,
    /// `GetObject` is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get: Option<bool>,
    /// The store refuses a body that does not match its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum_enforced: Option<bool>,
    /// Requests carry `x-amz-checksum-sha256`; false where the store refuses that header itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum_header: Option<bool>,
    /// How long the last request of a check took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// When the bucket was last heard of, by a check or by a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Timestamp>,
}

// === impl BucketVerdict ===

impl BucketVerdict {
    /// The bucket takes files.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reason == "Ready"
    }
}

#[cfg(test)]
mod tests {
    use super::SidecarStatus;

    #[test]
    fn a_report_of_another_release_is_read() {
        let text = r#"{"version":"9.9.9","future":1,"sessions":[{"object":"default","bucket":{"reason":"Ready","later":[]}}]}"#;
        let status: SidecarStatus = serde_json::from_str(text).unwrap();
        assert!(status.sessions[0].bucket.is_ready());
        assert_eq!(status.sessions[0].generation, 0);
    }
}
