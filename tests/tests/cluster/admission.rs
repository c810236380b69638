//! What the API server refuses at `kubectl apply`, and with which words.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::harness::scene::Scene;

#[derive(Deserialize)]
struct Cases {
    base: BTreeMap<String, Value>,
    rules: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    message: String,
    kind: String,
    old: Option<Value>,
    accepted: Vec<Value>,
    refused: Vec<Value>,
}

/// The cases of `titan-crds`, whose own test sees to it that no rule is without one.
fn cases() -> Cases {
    serde_saphyr::from_str(include_str!("../../../crds/tests/rules.yaml")).unwrap()
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn document(scene: &Scene, base: &Value, patch: &Value) -> Value {
    let mut document = base.clone();
    merge(&mut document, patch);
    document["metadata"]["namespace"] = json!(scene.namespace);
    document
}

/// Trap T15: what CEL costs and how it compares shows on the API server only.
#[tokio::test]
async fn each_rule_refuses_with_its_sentence_and_passes_the_rest() {
    let scene = Scene::new("admission").await;
    let cases = cases();
    for case in &cases.rules {
        let base = &cases.base[&case.kind];
        let mut dry = vec!["--dry-run=server"];
        if let Some(old) = &case.old {
            // A transition rule needs an object that is there; suspended, so that nothing runs.
            let old = document(&scene, base, old);
            scene.kube().apply(&[old]).await;
        } else {
            dry.push("--validate=strict");
        }
        for patch in &case.accepted {
            let document = document(&scene, base, patch);
            let said = scene.kube().try_apply(&[document], &dry).await;
            assert!(
                said.ok,
                "{}: {patch} is refused: {}",
                case.message, said.err
            );
        }
        for patch in &case.refused {
            let document = document(&scene, base, patch);
            let said = scene.kube().try_apply(&[document], &dry).await;
            said.refused(&[&case.message]);
        }
        if case.old.is_some() {
            let name = base["metadata"]["name"].as_str().unwrap_or_default();
            let args = ["delete", &case.kind, name, "-n", &scene.namespace];
            scene.kube().kubectl(&args).await.expect();
        }
    }
}

/// Trap T15: a default inside a one-of would make the old member stay.
#[tokio::test]
async fn the_members_of_each_one_of_switch_with_both_kinds_of_apply() {
    let scene = Scene::new("one_of").await;
    let kube = scene.kube();
    let storage = |name: &str, members: Value| {
        let mut document = scene.storage();
        document["metadata"]["name"] = json!(name);
        merge(&mut document["spec"], &members);
        document
    };
    let session = |name: &str, members: Value| {
        let mut document = scene.session(name);
        document["spec"]["suspend"] = json!(true);
        merge(&mut document["spec"], &members);
        document
    };
    let header = |value: Value| json!({"webhooks": [{"url": "https://app.example/hooks", "headers": [value]}]});
    let identity =
        json!({"credentials": {"secretRef": null, "identity": {"serviceAccountName": "acme"}}});
    let (ingress, route) = (
        json!({"expose": {"ingress": {"host": "wa.titan.example"}}}),
        json!({"expose": {"httpRoute": {"parentRefs": [{"name": "public"}], "hostnames": ["wa.titan.example"]}}}),
    );
    let pairs = [
        (
            storage("credentials", json!({})),
            storage("credentials", identity),
        ),
        (
            storage(
                "ca",
                json!({"caBundle": {"configMapRef": {"name": "ca", "key": "ca.crt"}}}),
            ),
            storage(
                "ca",
                json!({"caBundle": {"secretRef": {"name": "ca", "key": "ca.crt"}}}),
            ),
        ),
        (session("expose", ingress), session("expose", route)),
        (
            session(
                "header",
                header(json!({"name": "x-team", "value": "media"})),
            ),
            session(
                "header",
                header(
                    json!({"name": "x-team", "valueFrom": {"secretKeyRef": {"name": "team", "key": "name"}}}),
                ),
            ),
        ),
        (
            session(
                "source",
                json!({"source": {"gateway": {"signature": {"type": "None"}}}}),
            ),
            session(
                "source",
                json!({"source": {"whatsapp": {"deviceName": "Titan"}}}),
            ),
        ),
    ];
    for flags in [&[][..], &["--server-side", "--field-manager=person"][..]] {
        for (one, other) in &pairs {
            for document in [one, other, one] {
                kube.try_apply(std::slice::from_ref(document), flags)
                    .await
                    .expect();
            }
            let name = one["metadata"]["name"].as_str().unwrap_or_default();
            let kind = one["kind"].as_str().unwrap_or_default();
            kube.kubectl(&["delete", kind, name, "-n", &scene.namespace])
                .await
                .expect();
        }
    }
}
