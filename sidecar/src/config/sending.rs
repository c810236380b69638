//! `spec.source.gateway.send`, resolved with its key.

use std::sync::Arc;

use titan_crds::{
    MediaSessionSpec,
    media_session::{DEFAULT_SEND_MESSAGES, DEFAULT_SEND_PER, SendApi},
};
use url::Url;

use super::{
    secrets::{Missing, Secrets},
    session::RateLimit,
};
use crate::send::{GatewayTarget, gateway::ApiKey};

/// How a session sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// It names no way.
    NotConfigured,
    /// It names one that can't be used now.
    Unusable(Missing),
    /// Through its gateway.
    Gateway(Arc<GatewayTarget>),
    /// As its own linked device.
    Device,
}

/// How many messages a session may send: what it says, else what a linked device is safe with. How fast a
/// gateway sends is the gateway's business.
pub(super) fn rate_limit(spec: &MediaSessionSpec) -> Option<RateLimit> {
    if let Some(limit) = &spec.send_rate_limit {
        return Some(RateLimit {
            requests: limit.messages,
            per: limit.per.get(),
        });
    }
    spec.whatsapp().map(|_| RateLimit {
        requests: DEFAULT_SEND_MESSAGES,
        per: DEFAULT_SEND_PER,
    })
}

/// A field below `send`, and what is wrong with it.
pub(super) type Fault = (&'static str, String);

/// Resolves the gateway that a session named `session` sends through.
///
/// # Errors
///
/// A field and what is wrong with it.
pub(super) fn resolve(
    api: &SendApi,
    session: &str,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Sending, Fault> {
    let base = Url::parse(&api.url).map_err(|error| ("url", format!("is not a URL: {error}")))?;
    let key = match &api.api_key_secret_ref {
        None => None,
        Some(reference) => {
            let value = match secrets.get(namespace, &reference.name, &reference.key) {
                Ok(value) => value,
                Err(missing) => return Ok(Sending::Unusable(missing)),
            };
            match ApiKey::parse(value.text().unwrap_or_default()) {
                Ok(key) => Some(key),
                Err(invalid) => {
                    let why = invalid.to_string();
                    let missing = Missing::invalid(&reference.name, &reference.key, &why);
                    return Ok(Sending::Unusable(missing));
                }
            }
        }
    };
    Ok(Sending::Gateway(Arc::new(GatewayTarget {
        type_: api.type_,
        base,
        session: api.session.clone().unwrap_or_else(|| session.to_owned()),
        key,
    })))
}
