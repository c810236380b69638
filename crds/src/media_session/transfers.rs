//! Bounds of a session's transfers and API requests.

use std::time::Duration as Time;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;

/// Files that are in transfer at once.
pub const DEFAULT_MAX_CONCURRENT: u32 = 8;
/// Time that one transfer may take.
pub const DEFAULT_TRANSFER_TIMEOUT: Time = Time::from_mins(10);
/// Messages that a linked device sends in [`DEFAULT_SEND_PER`].
pub const DEFAULT_SEND_MESSAGES: u32 = 60;
/// The time that [`DEFAULT_SEND_MESSAGES`] counts for.
pub const DEFAULT_SEND_PER: Time = Time::from_mins(1);

/// Bounds of the transfers between WhatsApp, the bucket and callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transfers {
    /// Files that are persisted at once. Default 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub max_concurrent: Option<u32>,

    /// Time that one transfer may take: 1s to 24h. Default 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1s') && self <= duration('24h')")
        .message("spec.transfers.timeout must be between 1s and 24h"))]
    pub timeout: Option<Duration>,
}

/// Bound of API requests, each key on its own and each sidecar for itself. What gateways hand in is not
/// counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests that are allowed in the time `per`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: u32,

    /// The time that `requests` counts for: 1s to 24h.
    #[x_kube(validation = Rule::new("self >= duration('1s') && self <= duration('24h')")
        .message("spec.rateLimit.per must be between 1s and 24h"))]
    pub per: Duration,
}

/// Bound of messages sent, whichever key asks for them and each sidecar for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendRateLimit {
    /// Messages that may be sent in the time `per`, and at once after a pause of that time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub messages: u32,

    /// The time that `messages` counts for: 1s to 24h.
    #[x_kube(validation = Rule::new("self >= duration('1s') && self <= duration('24h')")
        .message("spec.sendRateLimit.per must be between 1s and 24h"))]
    pub per: Duration,
}

impl Transfers {
    /// Files that are persisted at once.
    #[must_use]
    pub fn max_concurrent(&self) -> u32 {
        self.max_concurrent.unwrap_or(DEFAULT_MAX_CONCURRENT)
    }

    /// Time that one transfer may take.
    #[must_use]
    pub fn timeout(&self) -> Time {
        self.timeout
            .as_ref()
            .map_or(DEFAULT_TRANSFER_TIMEOUT, Duration::get)
    }
}
