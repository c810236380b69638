//! What is left out is resolved, and what can't be built is named.

use serde_json::{Value, json};

use super::*;
use crate::session::build::tests::settings;

fn object(spec: &Value) -> MediaSession {
    serde_json::from_value(json!({
        "apiVersion": "titan.media/v1alpha1", "kind": "MediaSession",
        "metadata": {"name": "default", "namespace": "acme", "uid": "5e5510d0-1", "generation": 3},
        "spec": spec,
    }))
    .unwrap()
}

fn valid(spec: &Value) -> ValidatedSession {
    validate(&object(spec), None, &settings(&[])).unwrap()
}

#[test]
fn an_empty_spec_is_a_gateway_on_a_volume_with_a_key_of_its_own() {
    let session = valid(&json!({}));
    assert_eq!(session.generation, 3);
    assert_eq!(session.api_name, "default");
    assert_eq!(session.replicas, 1);
    assert!(session.device.is_none() && !session.tls && !session.has_webhooks);
    assert_eq!(
        session.records,
        Records::Volume {
            size: 1 << 30,
            class: None,
            delete: false
        }
    );
    let secret = "msess-default-api-key-5e5510d0".to_owned();
    assert_eq!(session.api_key, ApiKey::Created(secret.clone()));
    assert_eq!(session.secrets, [secret].into());
    assert_eq!(session.exposure, Exposure::None);
    assert!(session.network.is_some());
}

#[test]
fn keys_of_the_tenants_own_are_not_made() {
    let session = valid(&json!({"auth": {"apiKeysSecretRef": {"name": "mine"}}}));
    assert_eq!(session.api_key, ApiKey::Given("mine".to_owned()));
    assert_eq!(session.secrets, ["mine".to_owned()].into());
}

#[test]
fn hosts_outside_those_allowed_are_refused_by_name() {
    let route = json!({"expose": {"httpRoute": {
        "parentRefs": [{"name": "public"}], "hostnames": ["wa.acme.com", "evil.example", "*.acme.com"]
    }}});
    let refused = ["evil.example", "*.acme.com"].map(str::to_owned);
    assert_eq!(valid(&route).exposure, Exposure::Refused(refused.into()));
    let ingress = json!({"expose": {"ingress": {"host": "wa.acme.com"}}});
    assert!(matches!(valid(&ingress).exposure, Exposure::Ingress(_)));
}

#[test]
fn a_linked_device_needs_an_image_of_the_platform() {
    let object = object(&json!({"source": {"whatsapp": {}}}));
    let error = validate(&object, None, &crate::testing::settings()).unwrap_err();
    assert_eq!(error.reason(), Reason::Unsupported);
    assert_eq!(
        error.to_string(),
        "spec.source.whatsapp: this installation has no image for linked devices"
    );
}

#[test]
fn the_secrets_of_a_linked_device_are_its_own() {
    let key = |name: &str| json!({"name": name, "key": "k"});
    let session = valid(&json!({
        "auth": {"apiKeysSecretRef": {"name": "mine"}},
        "source": {"whatsapp": {"proxy": {"urlSecretRef": key("proxy")}}},
        "store": {"encryptionKeySecretRef": key("store")},
    }));
    let named = |names: [&str; 2]| names.map(str::to_owned).into();
    assert_eq!(session.secrets, named(["mine", "store"]));
    let device = session.device.unwrap();
    assert_eq!(device.name, "Titan Media");
    assert_eq!(device.secrets(), named(["proxy", "store"]));
}

#[test]
fn an_object_that_no_api_server_holds_is_refused() {
    let mut object = object(&json!({}));
    object.metadata.uid = None;
    let error = validate(&object, None, &settings(&[])).unwrap_err();
    assert_eq!(error.to_string(), "metadata.uid is missing");
}
