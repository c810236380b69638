//! Fields of the resources that no code honours yet. A tenant who sets one expects something of it, so that
//! the session is `Stalled` by its path. The change that builds a field takes it off this list.

use titan_crds::{MediaSessionSpec, TenantStorageSpec, media_session::SignatureType};

/// Paths of the fields of a session that are set and not honoured.
#[must_use]
pub fn of_session(spec: &MediaSessionSpec) -> Vec<String> {
    let source = spec.source.as_ref();
    let gateway = source.and_then(|source| source.gateway.as_ref());
    let signed = gateway
        .and_then(|gateway| gateway.signature.as_ref())
        .is_some_and(|signature| signature.type_ != SignatureType::None);
    let set = [
        (
            "spec.source.whatsapp",
            source.is_some_and(|source| source.whatsapp.is_some()),
        ),
        ("spec.source.gateway.signature", signed),
        (
            "spec.source.gateway.send",
            gateway.is_some_and(|gateway| gateway.send.is_some()),
        ),
        ("spec.store.postgres", spec.store().postgres.is_some()),
        ("spec.replicas", spec.replicas() != 1),
        ("spec.tls", spec.tls.is_some()),
        ("spec.rateLimit", spec.rate_limit.is_some()),
    ];
    set.iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(path, _)| (*path).to_owned())
        .collect()
}

/// Paths of the fields of the storage `name` that are set and not honoured.
#[must_use]
pub fn of_storage(name: &str, spec: &TenantStorageSpec) -> Vec<String> {
    spec.credentials
        .identity
        .iter()
        .map(|_| format!("TenantStorage/{name}: spec.credentials.identity"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_nothing_honours_is_named() {
        let spec: MediaSessionSpec = serde_json::from_value(serde_json::json!({
            "replicas": 1,
            "source": {"gateway": {"signature": {"type": "None"}}},
            "rateLimit": {"requests": 1, "per": "1s"},
            "tls": {"secretRef": {"name": "cert"}},
            "podTemplate": {"labels": {"team": "media"}}
        }))
        .unwrap();
        assert_eq!(of_session(&spec), ["spec.tls", "spec.rateLimit"]);
    }
}
