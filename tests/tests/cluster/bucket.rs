//! Buckets that are not as the storage says.

use serde_json::{Value, json};

use crate::harness::object::message;
use crate::harness::scene::Scene;

/// Storages that fail in three ways, with the reason of each.
fn broken(scene: &Scene) -> Vec<(Value, &'static str)> {
    let with = |name: &str, field: &str, value: Value| {
        let mut storage = scene.storage();
        storage["metadata"]["name"] = json!(name);
        storage["spec"][field] = value;
        storage
    };
    vec![
        (
            with("missing", "bucket", json!("there-is-no-such-bucket")),
            "NoSuchBucket",
        ),
        (
            with("region", "region", json!("eu-central-1")),
            "WrongRegion",
        ),
        (
            with("down", "endpoint", json!("http://peer.titan-peers.svc:1")),
            "ConnectFailed",
        ),
        (
            with("nowhere", "endpoint", json!("http://s3.nowhere.svc:9000")),
            "DnsFailed",
        ),
    ]
}

#[tokio::test]
async fn missing_bucket_wrong_region_and_a_dead_endpoint_have_reasons_of_their_own() {
    let scene = Scene::new("bucket_alone").await;
    scene.kube().apply(&[scene.secret()]).await;
    for (storage, _) in broken(&scene) {
        scene.kube().apply(&[storage]).await;
    }
    for (storage, reason) in broken(&scene) {
        let name = storage["metadata"]["name"].as_str().unwrap_or_default();
        let object = scene.object("TenantStorage", name);
        let now = scene.until(&object, "Ready", "False", reason).await;
        // Whoever names the right region, or misses a bucket, was reached.
        let answers = if reason.ends_with("Failed") {
            "False"
        } else {
            "True"
        };
        if reason != "NoSuchBucket" {
            scene
                .until(&object, "BucketReachable", answers, reason)
                .await;
        }
        assert!(!message(&now, "Ready").is_empty(), "{now:#}");
    }
}

#[tokio::test]
async fn a_running_session_tells_the_same_reasons() {
    let scene = Scene::new("bucket_session").await;
    scene.kube().apply(&[scene.secret()]).await;
    for (storage, _) in broken(&scene) {
        let name = storage["metadata"]["name"].as_str().unwrap_or_default();
        let mut session = scene.session(name);
        session["spec"]["storageRef"]["name"] = json!(name);
        scene.kube().apply(&[storage.clone(), session]).await;
    }
    for (storage, reason) in broken(&scene) {
        let name = storage["metadata"]["name"].as_str().unwrap_or_default();
        scene
            .until(&scene.msess(name), "StorageReady", "False", reason)
            .await;
        scene
            .until(&scene.msess(name), "Ready", "False", reason)
            .await;
    }
}

#[tokio::test]
async fn a_bucket_that_appears_makes_the_session_ready() {
    let scene = Scene::new("bucket_appears").await;
    let bucket = format!("{}-late", scene.namespace);
    let mut storage = scene.storage();
    storage["spec"]["bucket"] = json!(bucket);
    let session = scene.session("default");
    scene
        .kube()
        .apply(&[scene.secret(), storage, session])
        .await;
    scene
        .until(&scene.msess("default"), "Ready", "False", "NoSuchBucket")
        .await;
    scene.s3.make_bucket(&bucket).await;
    scene
        .until(&scene.msess("default"), "Ready", "True", "")
        .await;
}
