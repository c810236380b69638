//! `spec.source.gateway.signature`, resolved with its key.

use titan_crds::media_session::SignatureType;
use titan_crds::{MediaSessionSpec, Reason};

use super::secrets::{Missing, Secrets};
use crate::inbound::signature::{Scheme, Signature};

/// What the session's gateway signs with; `None` where it does not sign.
///
/// # Errors
///
/// [`Missing`], naming Secret and key: then no signature opens anything.
pub(super) fn resolve(
    spec: &MediaSessionSpec,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Option<Signature>, Missing> {
    let gateway = spec
        .source
        .as_ref()
        .and_then(|source| source.gateway.as_ref());
    let Some(signature) = gateway.and_then(|gateway| gateway.signature.as_ref()) else {
        return Ok(None);
    };
    let scheme = match signature.type_ {
        SignatureType::None => return Ok(None),
        SignatureType::WahaHmac => Scheme::Waha,
        SignatureType::WuzapiHmac => Scheme::Wuzapi,
    };
    let Some(reference) = &signature.secret_ref else {
        let message = "secretRef is required with every type but None";
        return Err(Missing::other(Reason::SecretIncomplete, message.to_owned()));
    };
    let key = secrets.get(namespace, &reference.name, &reference.key)?;
    // Like API keys: files tend to end in a line feed, and no gateway signs with one.
    Signature::new(scheme, key.bytes().trim_ascii())
        .map(Some)
        .ok_or_else(|| Missing::invalid(&reference.name, &reference.key, "the value is empty"))
}
