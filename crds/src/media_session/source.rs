//! Where a session's messages come from.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SendApi;
use crate::SecretKeyRef;

/// Where messages come from: at most one of the two; none is a plain gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
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

/// A linked device of the session's own. It needs `store.sqlite` and one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whatsapp {
    /// Name under which the device shows in the phone's list of linked devices. Default "Titan Media".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50))]
    pub device_name: Option<String>,

    /// Number of the phone in international form, such as +5511999999999; needed to link with a code instead
    /// of a QR image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^\+?[1-9][0-9]{6,14}$"))]
    pub phone_number: Option<String>,

    /// Proxy for the device's connection, such as `socks5://proxy.acme.svc:1080`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 512),
        regex(pattern = r"^(https?|socks5)://[^\s/@?#]+/?$")
    )]
    pub proxy: Option<String>,
}
