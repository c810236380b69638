//! What is built for a check, as YAML.

use insta::assert_yaml_snapshot;

use super::*;
use crate::{storage::build::build, testing::settings};

#[test]
fn a_check_reads_the_document_and_mounts_what_it_names() {
    let storage = storage(&serde_json::to_value(spec()).unwrap());
    let validated = validated(&storage, facts(&storage), at(0));
    let resources = build(&validated, &settings());
    assert_yaml_snapshot!("config_map", resources.config_map.unwrap());
    assert_yaml_snapshot!("job", resources.job.unwrap());
}

#[test]
fn identity_bundle_and_pod_template_are_in_the_pod() {
    let storage = storage(&json!({
        "region": "eu-central-1", "bucket": "acme-media",
        "credentials": {"identity": {
            "serviceAccountName": "media", "audience": "sts.amazonaws.com", "roleArn": "arn:aws:iam::1:role/media",
        }},
        "caBundle": {"configMapRef": {"name": "ca", "key": "ca.crt"}},
        "probe": {"podTemplate": {
            "labels": {"team": "a", "titan.media/storage": "other"},
            "annotations": {"note": "b", "sidecar.istio.io/inject": "true"},
            "resources": {"limits": {"memory": "32Mi"}},
            "nodeSelector": {"disk": "ssd"}, "priorityClassName": "low",
            "tolerations": [{"operator": "Exists"}],
        }},
    }));
    let validated = validated(&storage, facts(&storage), at(0));
    let job = build(&validated, &settings()).job.unwrap();
    assert_yaml_snapshot!("identity", job.spec.unwrap().template);
}

#[test]
fn a_recorded_bucket_travels_with_the_document() {
    let storage = storage(&json!({"credentials": {"secretRef": {"name": "cosi"}}}));
    let mut facts = facts(&storage);
    facts.status.bucket = Some("found".to_owned());
    let document = validated(&storage, facts, at(0)).document;
    assert!(document.contains("titan.media/bucket: found"), "{document}");
}
