//! Secrets that come late, are wrong, and change.

use serde_json::json;

use crate::harness::object::message;
use crate::harness::scene::{SYNC, Scene};

/// Traps T16 and T17: a hard mount would leave the pod in `ContainerCreating` and name nothing.
#[tokio::test]
async fn a_missing_secret_is_named_and_the_session_heals_by_itself() {
    let scene = Scene::new("secret_missing").await;
    let kube = scene.kube();
    kube.apply(&[scene.storage(), scene.session("default")])
        .await;
    let session = scene.msess("default");
    let missing = scene
        .until(&session, "StorageReady", "False", "SecretNotFound")
        .await;
    let text = message(&missing, "StorageReady");
    assert!(text.contains("\"acme-s3\""), "{text}");
    scene
        .until(&session, "Ready", "False", "SecretNotFound")
        .await;

    // What comes meanwhile is taken and waits.
    let (sealed, direct_path) = scene.file(100_000).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0EARLY", &sealed, &direct_path)
        .await;

    let mut partial = scene.secret();
    partial["stringData"]
        .as_object_mut()
        .unwrap()
        .remove("secretAccessKey");
    kube.apply(&[partial]).await;
    let incomplete = scene
        .until(&session, "StorageReady", "False", "SecretIncomplete")
        .await;
    let text = message(&incomplete, "StorageReady");
    assert!(
        text.contains("\"acme-s3\"") && text.contains("SECRET_ACCESS_KEY"),
        "{text}"
    );

    kube.apply(&[scene.secret()]).await;
    scene.ready_in(SYNC, "default").await;
    let event = scene
        .peer
        .event(&scene.hook(), "message.received", "3EB0EARLY")
        .await;
    assert_eq!(event["payload"]["id"], "3EB0EARLY");
    let info = scene.reaches(&api, "default", "3EB0EARLY", "stored").await;
    let key = info["key"].as_str().unwrap_or_default();
    assert!(scene.s3.object(&scene.namespace, key).await == sealed.plain);
}

#[tokio::test]
async fn a_storage_alone_names_its_missing_secret_and_heals_by_itself() {
    let scene = Scene::new("secret_missing_alone").await;
    scene.kube().apply(&[scene.storage()]).await;
    let storage = scene.tstore();
    let missing = scene
        .until(&storage, "Ready", "False", "SecretNotFound")
        .await;
    let text = message(&missing, "Ready");
    assert!(text.contains("\"acme-s3\""), "{text}");
    scene.kube().apply(&[scene.secret()]).await;
    scene.until(&storage, "Ready", "True", "").await;
}

/// Trap T17: the kubelet brings a changed Secret within its sync period, sooner when hastened.
#[tokio::test]
async fn a_wrong_key_is_told_and_a_rotated_one_is_used_without_a_restart() {
    let scene = Scene::new("secret_rotated").await;
    let kube = scene.kube();
    let wrong = scene.secret_with("titan-test-access", "not-the-secret-of-this-access-key");
    kube.apply(&[wrong, scene.storage(), scene.session("default")])
        .await;
    scene
        .until(
            &scene.msess("default"),
            "StorageReady",
            "False",
            "InvalidCredentials",
        )
        .await;
    let pods = scene.pods("default").await;
    kube.apply(&[scene.secret()]).await;
    scene.ready_in(SYNC, "default").await;
    scene.takes_an_image("default", "3EB0ROTATED").await;
    let now = scene.pods("default").await;
    assert_eq!(uids(&pods), uids(&now));
    assert_eq!(
        now[0]["status"]["containerStatuses"][0]["restartCount"],
        json!(0)
    );
}

fn uids(pods: &[serde_json::Value]) -> Vec<&serde_json::Value> {
    pods.iter().map(|pod| &pod["metadata"]["uid"]).collect()
}
