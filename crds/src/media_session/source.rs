//! Where a session's messages come from.

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SendApi;
use crate::SecretKeyRef;

/// Name of a linked device whose session gives it none.
pub const DEFAULT_DEVICE_NAME: &str = "Titan Media";

/// Where messages come from: at most one of the two; none is a plain gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.gateway) || !has(self.whatsapp)")
    .message("spec.source allows only one of gateway and whatsapp"))]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// A WhatsApp gateway that posts its webhooks to the session's Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,

    /// A linked device of the session's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<Whatsapp>,
}

/// A WhatsApp gateway that posts its webhooks to the session's Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Signature that the gateway puts on its webhooks. A valid one opens /inbound by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,

    /// The gateway's own API, through which messages are sent. Default: nothing can be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<SendApi>,
}

/// Signature that a gateway puts on its webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.secretRef) == (self.type != 'None')")
    .message("spec.source.gateway.signature.secretRef is required with every type but None, and not allowed there")
    .field_path(".secretRef"))]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// None, WahaHmac or WuzapiHmac.
    #[serde(rename = "type")]
    pub type_: SignatureType,

    /// Key that the gateway signs with. Required with every type but None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
}

/// How a gateway signs its webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SignatureType {
    /// Not at all.
    #[default]
    None,
    /// As WAHA does.
    WahaHmac,
    /// As wuzapi does.
    WuzapiHmac,
}

/// A linked device of the session's own. It needs `store.sqlite` on a volume and one replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whatsapp {
    /// Name under which the device shows in the phone's list of linked devices. Default "Titan Media".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50))]
    pub device_name: Option<String>,

    /// Number of the phone in international form, such as +5511999999999; where a code is asked for without a
    /// number, it is this one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^\+?[1-9][0-9]{6,14}$"))]
    pub phone_number: Option<String>,

    /// Proxy for the device's connection. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,

    /// Shows the account as online while the device is connected; phones then show no notifications. Default
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_online: Option<bool>,

    /// Takes the chats' history that the phone offers when the device is linked. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<bool>,

    /// Requests and limits of the device's container. Default: those of the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
}

/// Proxy for the device's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// Its URL, such as `socks5://user:password@proxy.acme.svc:1080`; `http`, `https` and `socks5` are spoken.
    /// The session's NetworkPolicy opens ports 443, 1080 and 3128 of the internet, and every port of the
    /// session's own namespace; another one needs `networkPolicy.extraEgress`.
    pub url_secret_ref: SecretKeyRef,
}

// === impl Whatsapp ===

impl Whatsapp {
    /// Name under which the device shows in the phone's list.
    #[must_use]
    pub fn device_name(&self) -> &str {
        self.device_name.as_deref().unwrap_or(DEFAULT_DEVICE_NAME)
    }

    /// Whether the account is shown as online.
    #[must_use]
    pub fn mark_online(&self) -> bool {
        self.mark_online.unwrap_or(false)
    }

    /// Whether the chats' history is taken.
    #[must_use]
    pub fn history(&self) -> bool {
        self.history.unwrap_or(false)
    }
}
