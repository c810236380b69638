//! Which keys open the API of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SecretRef;

/// Which keys open the API of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Secret whose values open the whole API of the session; every value of at least 24 bytes is a key.
    /// Default: one key, that the operator creates once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys_secret_ref: Option<SecretRef>,

    /// Secret whose values open /inbound and nothing else, for the gateway; every value of at least 24 bytes
    /// is a key. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound_keys_secret_ref: Option<SecretRef>,
}
