//! Whole sets of children.

use super::*;

#[test]
fn quickstart() {
    insta::assert_yaml_snapshot!(children(&built(SESSION, Some(STORAGE))));
}

#[test]
fn a_session_without_its_storage_has_no_storage_document() {
    let resources = built(SESSION, None);
    let data = resources.config_map.data.unwrap();
    assert_eq!(data.into_keys().collect::<Vec<_>>(), ["session.yaml"]);
}

#[test]
fn everything_at_once() {
    let session = include_str!("../../../../../crds/tests/documents/media_session.yaml");
    let storage = include_str!("../../../../../crds/tests/documents/tenant_storage.yaml");
    let settings = settings(&[
        "--sidecar-cdn-origin=http://cdn.test.svc:8080",
        "--sidecar-allow-cidr=10.1.0.0/16",
        "--egress-cidr=10.2.0.0/16,10.1.0.0/16",
    ]);
    let session = validated(session, Some(storage));
    insta::assert_yaml_snapshot!(children(&build(&session, &settings, &Found::default())));
}

#[test]
fn several_replicas_on_a_shared_store() {
    let session = include_str!("../../../../../crds/tests/documents/media_session_postgres.yaml");
    insta::assert_yaml_snapshot!(children(&built(session, None)));
}

/// No user is named on `OpenShift`, the volume is an `emptyDir`, and the operator's labels win.
#[test]
fn ephemeral_behind_an_ingress_on_openshift() {
    let session = validated(
        &session(
            "  store: {sqlite: {ephemeral: true, size: 256Mi}}
  expose: {ingress: {className: nginx, host: wa.acme.com, tlsSecretName: acme-tls}}
  networkPolicy: {enabled: false}
  podTemplate:
    labels: {app.kubernetes.io/name: mine, team: media}
    annotations: {example.com/owner: media}",
        ),
        Some(STORAGE),
    );
    let settings = settings(&["--openshift"]);
    insta::assert_yaml_snapshot!(children(&build(&session, &settings, &Found::default())));
}

/// The sidecar starts before its device and stops after it; only the device has the proxy's Secret.
#[test]
fn a_linked_device() {
    let session = session(
        "  source:
    whatsapp:
      deviceName: Acme
      markOnline: true
      history: true
      proxy: {urlSecretRef: {name: acme-proxy, key: url}}
  store: {encryptionKeySecretRef: {name: acme-store, key: current}}",
    );
    let settings = settings(&["--whatsapp-endpoint=wss://relay.test.svc:8443/ws"]);
    let session = validated(&session, Some(STORAGE));
    let built = children(&build(&session, &settings, &Found::default()));
    insta::assert_yaml_snapshot!(built["8 deployment"]["spec"]["template"]["spec"]);
}

#[test]
fn identity_with_a_projected_token() {
    let storage = include_str!("../../../../../crds/tests/documents/tenant_storage_identity.yaml");
    let resources = built(SESSION, Some(storage));
    insta::assert_yaml_snapshot!(children(&resources)["8 deployment"]["spec"]["template"]["spec"]);
}

#[test]
fn identity_by_the_platforms_own_agent_opens_the_way_to_it() {
    let storage = STORAGE.replace(
        "{secretRef: {name: acme-s3}}",
        "{identity: {serviceAccountName: acme}}",
    );
    let resources = built(SESSION, Some(&storage));
    let policy = serde_json::to_string(&resources.network_policy).unwrap();
    assert!(policy.contains("169.254.170.23/32"), "{policy}");
    let pod = resources.deployment.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("acme"));
    assert!(
        pod.volumes
            .unwrap()
            .iter()
            .all(|volume| volume.projected.is_none())
    );
}

#[test]
fn a_suspended_session_has_no_pods_and_keeps_the_rest() {
    let session = validated(&session("  suspend: true"), Some(STORAGE));
    assert!(session.suspended());
    let resources = build(&session, &settings(&[]), &Found::default());
    assert_eq!(resources.deployment.spec.unwrap().replicas, Some(0));
    assert!(resources.volume_claim.is_some() && resources.network_policy.is_some());
}

#[test]
fn a_refused_host_gets_no_route() {
    let session = validated(
        &session("  expose: {ingress: {host: evil.example}}"),
        Some(STORAGE),
    );
    let resources = build(&session, &settings(&[]), &Found::default());
    assert!(resources.ingress.is_none() && resources.http_route.is_none());
}

#[test]
fn the_api_key_is_one_secret_of_the_session() {
    let session = validated(SESSION, None);
    let name = match &session.api_key {
        crate::session::validate::ApiKey::Created(name) => name.clone(),
        crate::session::validate::ApiKey::Given(name) => panic!("{name}"),
    };
    let secret = crate::session::build::api_key(&session, &name, [7; 32]);
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    assert_eq!(
        secret.metadata.name.as_deref(),
        Some("msess-default-api-key-5e5510d0")
    );
    assert!(secret.metadata.owner_references.is_some());
    let key = secret.data.unwrap()["apiKey"].0.clone();
    assert_eq!(
        String::from_utf8(key).unwrap(),
        "titan_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
    );
    assert!(
        session.document.contains(&name),
        "the sidecar never guesses"
    );
    assert!(session.secrets.contains(&name));
}
