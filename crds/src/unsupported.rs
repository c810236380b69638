//! Fields of the resources that no code honours yet. They are never ignored: a tenant who sets one
//! expects something of it. The change that builds a field takes it off this list, which operator and
//! sidecar share.
//!
//! Fields that the operator honours (`expose`, `networkPolicy`, `podTemplate`, the volume) are not on
//! it: without a cluster they have nothing to speak of, and the same manifests serve both.

use crate::MediaSessionSpec;

/// Paths of the fields of a session that are set and not honoured. There is no such field now.
#[must_use]
pub fn of_session(_spec: &MediaSessionSpec) -> Vec<&'static str> {
    Vec::new()
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
}
