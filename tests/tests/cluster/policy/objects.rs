//! Secrets, pods and everything else that is not the operator's to touch.

use serde_json::{Value, json};

use super::{as_operator, labels, refused, try_create, try_patch, with};
use crate::harness::scene::Scene;

#[tokio::test]
async fn the_operator_can_read_no_secret() {
    let scene = Scene::new("policy_read").await;
    scene.kube().apply(&[scene.secret()]).await;
    for verb in [
        "get",
        "list",
        "watch",
        "update",
        "patch",
        "delete",
        "deletecollection",
    ] {
        let namespace = scene.namespace.as_str();
        let operator = as_operator();
        let args = [
            "auth",
            "can-i",
            verb,
            "secrets",
            "--namespace",
            namespace,
            &operator,
        ];
        let said = scene.kube().kubectl(&args).await;
        assert_eq!(said.out.trim(), "no", "{verb}: {}", said.err);
    }
    let args = ["get", "secret", "acme-s3", "--namespace", &scene.namespace];
    let said = scene
        .kube()
        .kubectl(&[&args[..], &[&as_operator()]].concat())
        .await;
    said.refused(&["forbidden", "cannot get resource \"secrets\""]);
}

#[tokio::test]
async fn the_operator_can_create_only_opaque_secrets_with_its_labels() {
    let scene = Scene::new("policy_secrets").await;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "msess-default-api-key-01234567",
            "namespace": scene.namespace,
            "labels": labels("titan.media/session", "default"),
        },
        "stringData": {"key": "titan_0123456789abcdef0123456789abcdef"},
    });
    try_create(&scene, &secret).await.expect();

    let token = with(
        &secret,
        "/type",
        json!("kubernetes.io/service-account-token"),
    );
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let token = with(&token, "/metadata/annotations", account);
    refused(&scene, &token, "only Secrets of type Opaque").await;

    let bare = with(&secret, "/metadata/labels", Value::Null);
    refused(&scene, &bare, "only Secrets with the labels").await;

    // Argo CD reads clusters, and the right to deploy to them, from Secrets with this label.
    let argo = with(
        &secret,
        "/metadata/labels/argocd.argoproj.io~1secret-type",
        json!("cluster"),
    );
    refused(&scene, &argo, "without foreign labels").await;
}

#[tokio::test]
async fn the_operator_can_change_one_annotation_of_a_pod_and_nothing_else() {
    let scene = Scene::new("policy_pods").await;
    scene.up("default").await;
    let label = "titan.media/session=default";
    let pods = scene.kube().list("Pod", &scene.namespace, label).await;
    let pod = pods[0]["metadata"]["name"].as_str().unwrap();
    let annotation = |name: &str| json!({"metadata": {"annotations": {name: "1"}}});
    try_patch(&scene, "pod", pod, &annotation("titan.media/refresh"))
        .await
        .expect();
    for patch in [
        annotation("example.com/other"),
        json!({"metadata": {"labels": {"example.com/other": "1"}}}),
        json!({"metadata": {"labels": {"titan.media/session": null}}}),
        json!({"metadata": {"finalizers": ["example.com/other"]}}),
        json!({"spec": {"activeDeadlineSeconds": 1}}),
    ] {
        let said = try_patch(&scene, "pod", pod, &patch).await;
        said.refused(&[
            "'titan-operator-pods'",
            "nothing of a pod but its annotation",
        ]);
    }

    let foreign = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "foreign", "namespace": scene.namespace},
        "spec": pods[0]["spec"],
    });
    let foreign = with(&foreign, "/spec/nodeName", Value::Null);
    // It need not start: no node has this label.
    let foreign = with(
        &foreign,
        "/spec/nodeSelector",
        json!({"example.com/none": ""}),
    );
    scene.kube().try_create(&foreign, &[]).await.expect();
    let said = try_patch(&scene, "pod", "foreign", &annotation("titan.media/refresh")).await;
    said.refused(&["'titan-operator-pods'", "may patch only pods of its own"]);
}

#[tokio::test]
async fn the_operator_can_touch_no_foreign_object() {
    let scene = Scene::new("policy_foreign").await;
    let foreign = config_map(&scene, "msess-foreign", &json!({}));
    let ours = config_map(&scene, "msess-ours", &labels("titan.media/session", "ours"));
    scene.kube().apply(&[foreign.clone(), ours.clone()]).await;
    let data = json!({"data": {"key": "changed"}});
    try_patch(&scene, "configmap", "msess-ours", &data)
        .await
        .expect();
    // Not even to make it ours.
    let take = json!({"metadata": {"labels": labels("titan.media/session", "foreign")}});
    for patch in [data, take] {
        let said = try_patch(&scene, "configmap", "msess-foreign", &patch).await;
        said.refused(&["'titan-operator-objects'", "only objects of its own"]);
    }
    let operator = as_operator();
    let args = [
        "delete",
        "configmap",
        "msess-ours",
        "--namespace",
        &scene.namespace,
        &operator,
    ];
    let said = scene.kube().kubectl(&args).await;
    said.refused(&[
        "'titan-operator-objects'",
        "may delete no Deployment, ConfigMap, Service or claim",
    ]);

    let bare = with(&foreign, "/metadata/name", json!("msess-other"));
    refused(&scene, &bare, "may create only objects with the label").await;
    // On some clusters, whoever writes this ConfigMap decides who is an administrator.
    let rights = with(&ours, "/metadata/name", json!("aws-auth"));
    refused(&scene, &rights, "only objects named msess-… or tstore-…").await;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": with(&ours["metadata"], "/name", json!("msess-outside")),
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    });
    refused(&scene, &service, "only Services of type ClusterIP").await;
}

fn config_map(scene: &Scene, name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": scene.namespace, "labels": labels},
        "data": {"key": "value"},
    })
}
