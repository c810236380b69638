//! What rolls the pod, and what the sidecar re-reads.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::*;
use crate::{image::Images, session::build::inputs};

const NATIVE: &str = "  source: {whatsapp: {}}";

fn template(session: &str, storage: Option<&str>) -> PodTemplateSpec {
    built(session, storage).deployment.spec.unwrap().template
}

#[test]
fn what_is_re_read_does_not_roll_the_pod() {
    let before = template(SESSION, Some(STORAGE));
    for more in [
        "  autoPersist: {enabled: false}",
        "  webhooks: [{url: 'https://app.acme.com:8443/hooks'}]",
        "  transfers: {maxConcurrent: 2}",
        "  networkPolicy: {enabled: false}",
        "  expose: {ingress: {host: wa.acme.com}}",
        "  store: {retention: 7d, reclaim: Delete, sqlite: {size: 2Gi}}",
        "  suspend: true",
        "  source: {gateway: {send: {type: Waha, url: 'http://waha.acme.svc:3000'}}}",
    ] {
        assert_eq!(template(&session(more), Some(STORAGE)), before, "{more}");
    }
    let storage = STORAGE.replace("us-east-1", "eu-central-1");
    assert_eq!(template(SESSION, Some(&storage)), before);
}

#[test]
fn store_pod_template_and_the_set_of_secrets_roll_the_pod() {
    let before = template(SESSION, Some(STORAGE));
    for more in [
        "  store: {sqlite: {ephemeral: true}}",
        "  podTemplate: {labels: {team: media}}",
        "  auth: {inboundKeysSecretRef: {name: inbound}}",
        "  store: {encryptionKeySecretRef: {name: store, key: key}}",
    ] {
        assert_ne!(template(&session(more), Some(STORAGE)), before, "{more}");
    }
    let storage = STORAGE.replace("acme-s3", "other");
    assert_ne!(template(SESSION, Some(&storage)), before);
}

#[test]
fn a_session_keeps_its_image_until_the_upgrade_reaches_it() {
    let session = validated(SESSION, Some(STORAGE));
    let found = Found {
        images: Some(Images {
            sidecar: "registry.example/titan-sidecar@sha256:0000".to_owned(),
            device: Some("registry.example/titan-whatsapp@sha256:0000".to_owned()),
        }),
        ..Found::default()
    };
    let images = |session| {
        let deployment = build(session, &settings(&[]), &found).deployment;
        Images::of(&deployment.spec.unwrap().template.spec.unwrap())
    };
    let sidecar = images(&session).unwrap();
    assert_eq!(
        Some(sidecar.sidecar),
        found.images.as_ref().map(|images| images.sidecar.clone())
    );
    assert_eq!(sidecar.device, None);
    let native = validated(&self::session(NATIVE), Some(STORAGE));
    assert_eq!(images(&native), found.images);
}

#[test]
fn a_linked_device_rolls_the_pod_and_so_does_what_its_container_is_made_of() {
    let device = |more: &str| {
        let spec = session(&format!("  source: {{whatsapp: {{{more}}}}}"));
        (template(&spec, None), inputs(&validated(&spec, None)))
    };
    let gateway = (template(SESSION, None), inputs(&validated(SESSION, None)));
    let before = device("");
    assert!(before.0 != gateway.0 && before.1 != gateway.1);
    for more in [
        "deviceName: Acme",
        "markOnline: true",
        "history: true",
        "proxy: {urlSecretRef: {name: proxy, key: url}}",
        "resources: {limits: {memory: 64Mi}}",
    ] {
        let after = device(more);
        assert!(after.0 != before.0 && after.1 != before.1, "{more}");
    }
    assert_eq!(device("phoneNumber: '+5511999999999'"), before);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let yaml = include_str!("../../../../../crds/tests/documents/media_session.yaml");
    let text = || serde_json::to_string(&children(&built(yaml, Some(STORAGE)))).unwrap();
    assert_eq!(text(), text());
}

/// With the storage gone its port stays open: a working sidecar goes on.
#[test]
fn ports_of_a_storage_that_is_gone_stay_open() {
    let open = built(SESSION, Some(STORAGE)).network_policy.unwrap();
    let ports = crate::session::build::internet_ports(&open);
    assert_eq!(ports, [443, 9000].into());
    let found = Found {
        ports,
        ..Found::default()
    };
    let kept = build(&validated(SESSION, None), &settings(&[]), &found)
        .network_policy
        .unwrap();
    assert_eq!(kept, open);
}
