//! Fields of the resources that no code honours yet. They are never ignored: a tenant who sets one
//! expects something of it. The change that builds a field takes it off this list, which operator and
//! sidecar share.
//!
//! Fields that the operator honours (`expose`, `networkPolicy`, `podTemplate`, the volume) are not on
//! it: without a cluster they have nothing to speak of, and the same manifests serve both.

use crate::{MediaSessionSpec, media_session::Whatsapp};

/// Paths of the fields of a session that are set and not honoured.
#[must_use]
pub fn of_session(spec: &MediaSessionSpec) -> Vec<&'static str> {
    [(
        "spec.source.whatsapp.history",
        spec.whatsapp().is_some_and(Whatsapp::history),
    )]
    .into_iter()
    .filter_map(|(name, is_set)| is_set.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_honours_is_no_fault() {
        let spec: MediaSessionSpec = serde_json::from_value(serde_json::json!({
            "podTemplate": {"labels": {"team": "media"}},
            "networkPolicy": {"enabled": false},
            "expose": {"ingress": {"className": "nginx", "host": "media.acme.com"}},
            "source": {"gateway": {
                "signature": {"type": "WahaHmac", "secretRef": {"name": "s", "key": "k"}},
                "send": {"type": "Waha", "url": "http://waha:3000"}}},
            "store": {"reclaim": "Delete", "sqlite": {"storageClassName": "fast", "ephemeral": true}}
        }))
        .unwrap();
        assert!(of_session(&spec).is_empty());
    }

    #[test]
    fn a_field_that_nothing_honours_is_named() {
        let spec: MediaSessionSpec = serde_json::from_value(serde_json::json!({
            "replicas": 1,
            "source": {"whatsapp": {"history": true}},
            "tls": {"secretRef": {"name": "cert"}},
            "rateLimit": {"requests": 1, "per": "1s"}
        }))
        .unwrap();
        assert_eq!(of_session(&spec), ["spec.source.whatsapp.history"]);
    }
}
