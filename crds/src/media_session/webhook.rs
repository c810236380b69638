//! Who is told of messages and media, and how often it is tried.

use std::{fmt, time::Duration as Time};

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, SecretKeyRef};

/// Deliveries tried before an event becomes a dead letter.
pub const DEFAULT_ATTEMPTS: u32 = 15;
/// Delay before the second delivery.
pub const DEFAULT_DELAY: Time = Time::from_secs(2);
/// Longest delay between two deliveries.
pub const DEFAULT_MAX_DELAY: Time = Time::from_mins(10);
/// Time that one delivery may take.
pub const DEFAULT_WEBHOOK_TIMEOUT: Time = Time::from_secs(10);

/// An address that is told of messages and media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Address that events are posted to. It must be https and public, unless the platform allows otherwise.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^https?://[^\s/@?#]+([/?][^\s#]*)?$")
    )]
    pub url: String,

    /// Events that are sent, such as message.received; "*" is all of them. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(
            length(min = 1, max = 64),
            regex(pattern = r"^(\*|[a-z]+(\.[a-z_]+)+)$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub events: Vec<String>,

    /// Key that signs every delivery. A value `whsec_…` is base64 of the key, any other is the key itself.
    /// Default: deliveries carry no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac_key_secret_ref: Option<SecretKeyRef>,

    /// Headers that every delivery carries. Each name may stand here once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub headers: Vec<Header>,

    /// How often and how fast a failed delivery is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,

    /// Time that one delivery may take: 1s to 2m. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1s') && self <= duration('2m')")
        .message("spec.webhooks[].timeout must be between 1s and 2m"))]
    pub timeout: Option<Duration>,
}

/// A header that every delivery carries: exactly one of `value` and `valueFrom`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)")
    .message("spec.webhooks[].headers[] needs exactly one of value and valueFrom"))]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Name of the header. Those that a delivery sets itself are refused.
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    )]
    #[x_kube(validation = Rule::new("!(self.lowerAscii() in ['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'x-webhook-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'])")
        .message("spec.webhooks[].headers[].name must not be a header that a delivery sets itself"))]
    pub name: String,

    /// Value in plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = r"^[\x20-\x7e\t]*$"))]
    pub value: Option<String>,

    /// Value in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<HeaderSource>,
}

/// Where the value of a header stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderSource {
    /// Key of a Secret of the same namespace.
    pub secret_key_ref: SecretKeyRef,
}

/// How often and how fast a failed delivery is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retries {
    /// Deliveries tried before the event becomes a dead letter. Default 15.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub attempts: Option<u32>,

    /// Seconds before the second delivery. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub delay_seconds: Option<u32>,

    /// How the delay grows: exponential (doubles), linear (grows by the first delay) or constant. Default
    /// exponential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<RetryPolicy>,

    /// Longest delay between two deliveries: 1s to 24h. Default 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1s') && self <= duration('24h')")
        .message("spec.webhooks[].retries.maxDelay must be between 1s and 24h"))]
    pub max_delay: Option<Duration>,
}

/// How the delay between deliveries grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryPolicy {
    /// It doubles.
    #[default]
    Exponential,
    /// It grows by the first delay.
    Linear,
    /// It stays.
    Constant,
}

// === impl Webhook ===

impl Webhook {
    /// How often and how fast a failed delivery is tried again.
    #[must_use]
    pub fn retries(&self) -> Retries {
        self.retries.clone().unwrap_or_default()
    }

    /// Time that one delivery may take.
    #[must_use]
    pub fn timeout(&self) -> Time {
        self.timeout
            .as_ref()
            .map_or(DEFAULT_WEBHOOK_TIMEOUT, Duration::get)
    }
}

// === impl Retries ===

impl Retries {
    /// Deliveries tried before the event becomes a dead letter.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts.unwrap_or(DEFAULT_ATTEMPTS)
    }

    /// Delay before the second delivery.
    #[must_use]
    pub fn delay(&self) -> Time {
        self.delay_seconds
            .map_or(DEFAULT_DELAY, |seconds| Time::from_secs(seconds.into()))
    }

    /// How the delay grows.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        self.policy.unwrap_or_default()
    }

    /// Longest delay between two deliveries.
    #[must_use]
    pub fn max_delay(&self) -> Time {
        self.max_delay
            .as_ref()
            .map_or(DEFAULT_MAX_DELAY, Duration::get)
    }
}

// === impl Header ===

/// Tokens stand in headers: the value is not printed.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("name", &self.name)
            .field("value", &self.value.as_ref().map(|_| "…"))
            .field("value_from", &self.value_from)
            .finish()
    }
}
