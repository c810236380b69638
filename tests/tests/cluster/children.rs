//! What the operator made stays as it made it.

use serde_json::{Value, json};

use crate::harness::scene::{SOON, Scene};

const KINDS: [&str; 4] = ["Deployment", "Service", "ConfigMap", "NetworkPolicy"];

#[tokio::test]
async fn a_child_that_was_deleted_comes_back() {
    let scene = Scene::new("children_deleted").await;
    scene.up("default").await;
    for kind in KINDS {
        let child = scene.object(kind, "msess-default");
        let before = scene.kube().get(&child).await.unwrap();
        scene.kube().delete(&child).await;
        let is_new = |now: &Value| now["metadata"]["uid"] != before["metadata"]["uid"];
        scene
            .kube()
            .wait(SOON, &child, "it is there again", is_new)
            .await;
    }
    scene.ready("default").await;
    scene.takes_an_image("default", "3EB0DELETED").await;
}

#[tokio::test]
async fn a_child_that_was_edited_comes_back() {
    let scene = Scene::new("children_edited").await;
    scene.up("default").await;
    let edits = [
        (
            "Deployment",
            "/spec/replicas",
            json!({"spec": {"replicas": 0}}),
        ),
        (
            "Service",
            "/spec/selector",
            json!({"spec": {"selector": {"titan.media/session": "other"}}}),
        ),
        (
            "ConfigMap",
            "/data/session.yaml",
            json!({"data": {"session.yaml": "spec: {}"}}),
        ),
        (
            "NetworkPolicy",
            "/spec/policyTypes",
            json!({"spec": {"policyTypes": ["Ingress"]}}),
        ),
    ];
    for (kind, path, edit) in edits {
        let child = scene.object(kind, "msess-default");
        let right = scene.kube().get(&child).await.unwrap();
        let right = right.pointer(path).unwrap();
        let edited = scene.kube().patch(&child, &edit).await;
        assert_ne!(
            edited.pointer(path).unwrap(),
            right,
            "the edit of {child} is one"
        );
        let is_right = |now: &Value| now.pointer(path) == Some(right);
        scene
            .kube()
            .wait(SOON, &child, "it is as it was", is_right)
            .await;
    }
    // A list with a key is merged entry by entry: theirs may stay, ours comes back.
    let service = scene.object("Service", "msess-default");
    let ports = json!({"spec": {"ports": [{"port": 1234}]}});
    scene.kube().patch(&service, &ports).await;
    let has_ours = |now: &Value| {
        let ports = now["spec"]["ports"].as_array();
        ports.into_iter().flatten().any(|port| port["port"] == 8080)
    };
    scene
        .kube()
        .wait(SOON, &service, "its port is there again", has_ours)
        .await;
    scene.ready("default").await;
    scene.takes_an_image("default", "3EB0EDITED").await;
}

#[tokio::test]
async fn children_go_with_their_session() {
    let scene = Scene::new("children_gone").await;
    scene.up("default").await;
    scene.kube().delete(&scene.msess("default")).await;
    for kind in KINDS {
        scene
            .kube()
            .wait_gone(SOON, &scene.object(kind, "msess-default"))
            .await;
    }
}
