//! The gateway's own API, through which messages are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SecretKeyRef;

/// The gateway's own API, through which messages are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendApi {
    /// Waha, Evolution or Wuzapi.
    #[serde(rename = "type")]
    pub type_: SendType,

    /// Address of the gateway, such as `http://waha.acme.svc:3000`.
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")
    )]
    pub url: String,

    /// Name of the session at the gateway. Default: the API name of this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub session: Option<String>,

    /// Key for the gateway's API. Default: none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
}

/// Whose API a gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SendType {
    /// WAHA.
    Waha,
    /// Evolution API.
    Evolution,
    /// wuzapi.
    Wuzapi,
}
