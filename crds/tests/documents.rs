//! Whole documents, through the schema and through the types and back.

use kube_core::object::HasSpec;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use titan_crds::{
    MediaSession, TenantStorage,
    media_session::{MediaKind, RetryPolicy},
    schema::{Kind, unknown_fields, validate},
    tenant_storage::{Addressing, UrlMode},
};

const DOCUMENTS: [&str; 5] = [
    include_str!("documents/tenant_storage.yaml"),
    include_str!("documents/tenant_storage_identity.yaml"),
    include_str!("documents/media_session.yaml"),
    include_str!("documents/media_session_native.yaml"),
    include_str!("documents/media_session_postgres.yaml"),
];

fn read(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).expect("a document is YAML")
}

fn round_trip<T: DeserializeOwned + Serialize>(document: &Value) -> Value {
    let typed: T = serde_json::from_value(document.clone()).expect("a document fits its type");
    serde_json::to_value(typed).expect("a type has a JSON form")
}

#[test]
fn every_field_survives_the_types() {
    for yaml in DOCUMENTS {
        let document = read(yaml);
        let kind = Kind::of(&document).unwrap();
        assert_eq!(validate(kind, &document), Ok(()));
        assert_eq!(unknown_fields(kind, &document), Vec::<String>::new());
        let back = match kind {
            Kind::TenantStorage => round_trip::<TenantStorage>(&document),
            Kind::MediaSession => round_trip::<MediaSession>(&document),
        };
        assert_eq!(back, document);
    }
}

/// A field that no document has could be spelled in one way by the schema and in another by the types.
#[test]
fn the_documents_have_every_field_of_a_spec() {
    for kind in Kind::ALL {
        let specs: Vec<_> = DOCUMENTS
            .iter()
            .map(|yaml| read(yaml))
            .filter(|document| Kind::of(document) == Some(kind))
            .map(|document| document.get("spec").cloned().unwrap())
            .collect();
        let schema = titan_crds::schema::schema(kind)
            .pointer("/properties/spec")
            .unwrap();
        let mut missing = Vec::new();
        collect_missing(
            schema,
            &specs.iter().collect::<Vec<_>>(),
            "spec",
            &mut missing,
        );
        assert_eq!(missing, Vec::<String>::new());
    }
}

fn collect_missing(schema: &Value, values: &[&Value], path: &str, missing: &mut Vec<String>) {
    // Kubernetes' own types; and the template of the probe's pod, which is that of a session.
    let foreign = [
        "affinity",
        "probe.podTemplate",
        "resources",
        "tolerations",
        "topologySpreadConstraints",
        "extraEgress",
        "extraIngress",
    ];
    if foreign.iter().any(|name| path.ends_with(name)) {
        return;
    }
    if let Some(items) = schema.get("items") {
        let values: Vec<_> = values
            .iter()
            .filter_map(|v| v.as_array())
            .flatten()
            .collect();
        return collect_missing(items, &values, path, missing);
    }
    for (name, inner) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let values: Vec<_> = values.iter().filter_map(|value| value.get(name)).collect();
        let path = format!("{path}.{name}");
        if values.is_empty() {
            missing.push(path);
        } else {
            collect_missing(inner, &values, &path, missing);
        }
    }
}

#[test]
fn a_field_left_out_has_its_documented_value() {
    let storage: TenantStorage = serde_json::from_value(json!({
        "apiVersion": "titan.media/v1alpha1", "kind": "TenantStorage", "metadata": {"name": "a"},
        "spec": {"credentials": {"secretRef": {"name": "keys"}}},
    }))
    .unwrap();
    let spec = storage.spec();
    assert_eq!((spec.prefix(), spec.addressing()), ("", Addressing::Auto));
    assert_eq!(spec.url().mode(), UrlMode::Presigned);
    assert_eq!(spec.url().expires_in().as_secs(), 86_400);
    assert_eq!(spec.probe_every().as_secs(), 3_600);
    assert_eq!(
        spec.key_template(),
        "{tenant}/{session}/{yyyy}/{mm}/{dd}/{mediaId}.{ext}"
    );

    let session = MediaSession::new("default", titan_crds::MediaSessionSpec::default());
    let spec = session.spec();
    assert_eq!(session.api_name(), "default");
    assert!(spec.gateway().is_some());
    let auto = spec.auto_persist();
    assert!(auto.enabled() && !auto.include_sent());
    assert_eq!(
        (auto.kinds(), auto.max_bytes()),
        (&MediaKind::ALL[..], 2 << 30)
    );
    assert_eq!(auto.hold_webhook().as_secs(), 60);
    let chats = auto.chats();
    assert!(chats.direct() && chats.group() && chats.newsletter() && !chats.status());
    assert_eq!(spec.store().retention().as_secs(), 90 * 86_400);
    assert_eq!(
        spec.store().sqlite().map(|sqlite| sqlite.size()),
        Some(1 << 30)
    );
    assert_eq!((spec.replicas(), spec.suspend()), (1, false));
    assert_eq!(
        (
            spec.transfers().max_concurrent(),
            spec.transfers().timeout().as_secs()
        ),
        (8, 600)
    );
    assert!(spec.network_policy().enabled());
}

#[test]
fn a_webhook_with_only_a_url_has_its_documented_values() {
    let spec: titan_crds::MediaSessionSpec =
        serde_json::from_value(json!({"webhooks": [{"url": "https://a.example/h"}]})).unwrap();
    let webhook = spec.webhooks.first().unwrap();
    let retries = webhook.retries();
    assert!(webhook.events.is_empty());
    assert_eq!(webhook.timeout().as_secs(), 10);
    assert_eq!(
        (retries.attempts(), retries.policy()),
        (15, RetryPolicy::Exponential)
    );
    assert_eq!(
        (retries.delay().as_secs(), retries.max_delay().as_secs()),
        (2, 600)
    );
}

#[test]
fn the_value_of_a_header_is_not_printed() {
    let spec: titan_crds::MediaSessionSpec = serde_json::from_value(json!({
        "webhooks": [{"url": "https://a.example/h", "headers": [{"name": "A", "value": "hunter2"}]}],
    }))
    .unwrap();
    assert!(!format!("{spec:?}").contains("hunter2"));
}

#[test]
fn types_ignore_what_they_do_not_know() {
    let spec: titan_crds::MediaSessionSpec = serde_json::from_value(json!({
        "storageRef": {"name": "acme", "later": 1}, "evenLater": {"a": []},
    }))
    .unwrap();
    assert_eq!(
        spec.storage_ref.map(|storage| storage.name),
        Some("acme".to_owned())
    );
}
