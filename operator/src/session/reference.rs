//! Which Secrets a session names, and to which ports its pod speaks.

use std::collections::BTreeSet;

use titan_crds::{MediaSessionSpec, SecretKeyRef, SecretRef, TenantStorageSpec};
use url::Url;

use crate::pod;

/// Every Secret that the sidecar reads, the operator's own API-key Secret included (`spec` has it filled in). What
/// only a linked device reads is not among them.
#[must_use]
pub(super) fn secrets(
    spec: &MediaSessionSpec,
    storage: Option<&TenantStorageSpec>,
) -> BTreeSet<String> {
    let whole = |reference: Option<SecretRef>| reference.map(|reference| reference.name);
    let keyed = |reference: Option<SecretKeyRef>| reference.map(|reference| reference.name);
    let auth = spec.auth();
    let store = spec.store();
    let gateway = spec.gateway().unwrap_or_default();
    let of_webhooks = spec.webhooks.iter().flat_map(|webhook| {
        let headers = webhook
            .headers
            .iter()
            .filter_map(|header| header.value_from.clone())
            .map(|source| source.secret_key_ref);
        webhook
            .hmac_key_secret_ref
            .clone()
            .into_iter()
            .chain(headers)
    });
    let of_session = [
        whole(auth.api_keys_secret_ref),
        whole(auth.inbound_keys_secret_ref),
        keyed(store.encryption_key_secret_ref),
        keyed(store.postgres.map(|postgres| postgres.url_secret_ref)),
        keyed(gateway.signature.and_then(|signature| signature.secret_ref)),
        keyed(gateway.send.and_then(|send| send.api_key_secret_ref)),
        whole(spec.tls.clone().map(|tls| tls.secret_ref)),
    ];
    of_session
        .into_iter()
        .flatten()
        .chain(of_webhooks.map(|reference| reference.name))
        .chain(storage.into_iter().flat_map(pod::storage_secrets))
        .collect()
}

/// Port of a database where its URL, which is in a Secret that the operator can't read, names no other one.
const POSTGRES_PORT: u16 = 5432;
/// Usual ports of a proxy, whose URL is in such a Secret too: SOCKS and HTTP.
const PROXY_PORTS: [u16; 2] = [1080, 3128];

/// Ports that the pod speaks to on the internet beside 443, by the addresses that the resources name. `endpoint` is
/// the bucket's, where the spec leaves it to the Secret and the storage's status knows it.
#[must_use]
pub(super) fn ports(
    spec: &MediaSessionSpec,
    storage: Option<&TenantStorageSpec>,
    endpoint: Option<&str>,
) -> BTreeSet<u16> {
    let gateway = spec.gateway().unwrap_or_default();
    let send = gateway.send.map(|send| send.url);
    let proxy = spec.whatsapp().and_then(|device| device.proxy.as_ref());
    let identity = storage.and_then(|storage| storage.credentials.identity.as_ref());
    let of_storage = [
        storage
            .and_then(|storage| storage.endpoint.as_deref())
            .or(endpoint),
        identity.and_then(|identity| identity.sts_endpoint.as_deref()),
    ];
    spec.webhooks
        .iter()
        .map(|webhook| webhook.url.as_str())
        .chain(send.as_deref())
        .chain(of_storage.into_iter().flatten())
        .filter_map(|address| Url::parse(address).ok()?.port_or_known_default())
        .chain(spec.store().postgres.map(|_| POSTGRES_PORT))
        .chain(proxy.map(|_| PROXY_PORTS).into_iter().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(spec: serde_json::Value) -> MediaSessionSpec {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn every_secret_that_a_field_names_is_mounted() {
        let spec = session(serde_json::json!({
            "auth": {"apiKeysSecretRef": {"name": "a"}, "inboundKeysSecretRef": {"name": "b"}},
            "store": {"postgres": {"urlSecretRef": {"name": "c", "key": "url"}},
                      "encryptionKeySecretRef": {"name": "d", "key": "key"}},
            "source": {"gateway": {
                "signature": {"type": "WahaHmac", "secretRef": {"name": "e", "key": "hmac"}},
                "send": {"type": "Waha", "url": "http://waha:3000", "apiKeySecretRef": {"name": "f", "key": "k"}}}},
            "webhooks": [{"url": "https://app", "hmacKeySecretRef": {"name": "g", "key": "k"},
                "headers": [{"name": "X-A", "value": "1"},
                            {"name": "X-B", "valueFrom": {"secretKeyRef": {"name": "h", "key": "k"}}}]}],
            "tls": {"secretRef": {"name": "i"}}
        }));
        let storage: TenantStorageSpec = serde_json::from_value(serde_json::json!({
            "credentials": {"secretRef": {"name": "j"}},
            "caBundle": {"secretRef": {"name": "k", "key": "ca.crt"}}
        }))
        .unwrap();
        let names: Vec<_> = secrets(&spec, Some(&storage)).into_iter().collect();
        assert_eq!(names.concat(), "abcdefghijk");
    }

    #[test]
    fn ports_are_those_of_the_addresses() {
        let spec = session(serde_json::json!({
            "source": {"whatsapp": {"proxy": {"urlSecretRef": {"name": "proxy", "key": "url"}}}},
            "webhooks": [{"url": "https://app.acme.com/hooks"}, {"url": "http://app.acme.svc:8000"}]
        }));
        let storage: TenantStorageSpec = serde_json::from_value(serde_json::json!({
            "credentials": {"secretRef": {"name": "s3"}}
        }))
        .unwrap();
        let found = ports(&spec, Some(&storage), Some("https://minio:9000"));
        assert_eq!(found, [443, 1080, 3128, 8000, 9000].into());
        let spec = session(serde_json::json!({
            "store": {"postgres": {"urlSecretRef": {"name": "db", "key": "url"}}}
        }));
        assert_eq!(ports(&spec, None, None), [5432].into());
    }
}
