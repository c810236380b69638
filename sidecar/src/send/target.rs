//! The gateway that a session sends through.

use titan_crds::media_session::SendType;
use url::Url;

use super::gateway::ApiKey;

/// `spec.source.gateway.send`, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayTarget {
    /// Whose API it speaks.
    pub type_: SendType,
    /// Where that API begins.
    pub base: Url,
    /// Name of the session there.
    pub session: String,
    /// Key for it.
    pub key: Option<ApiKey>,
}
