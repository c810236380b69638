//! A sidecar that dies in the middle of its work.

use std::time::Duration;

use serde_json::Value;

use crate::harness::kube::{retry, wait_until};
use crate::harness::scene::{SOON, Scene};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_large_file_is_stored_once_and_whole_although_the_pod_is_killed() {
    let scene = Scene::new("kill").await;
    scene.up("default").await;
    let (sealed, direct_path) = scene.file(200 * MIB).await;
    scene.peer.trickle(&direct_path, Some((2 * MIB, 60))).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0KILLED", &sealed, &direct_path)
        .await;
    wait_until(SOON, "a quarter is under way", async || {
        let hits = scene.peer.hits(&direct_path).await;
        hits.iter().any(|hit| hit.sent > 50 * MIB as u64)
    })
    .await;
    let pods = scene.pods("default").await;
    let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
    let args = [
        "delete",
        "pod",
        name,
        "-n",
        &scene.namespace,
        "--grace-period=0",
        "--force",
    ];
    scene.kube().kubectl(&args).await.expect();
    scene.peer.trickle(&direct_path, None).await;

    let info = retry(Duration::from_mins(2), "the file is stored", async || {
        scene
            .try_info(&api, "default", "3EB0KILLED")
            .await
            .filter(|info| info["status"] == "stored")
    })
    .await;
    let key = info["key"].as_str().unwrap_or_default();
    assert!(scene.s3.object(&scene.namespace, key).await == sealed.plain);
    let told = async || {
        let events = scene.peer.deliveries(&scene.hook()).await;
        events
            .into_iter()
            .map(|event| event.json)
            .collect::<Vec<_>>()
    };
    wait_until(SOON, "the application is told", async || {
        told().await.iter().any(has_url)
    })
    .await;
    // At least once, and always under the same id.
    let mut ids: Vec<_> = told()
        .await
        .iter()
        .filter(|event| has_url(event))
        .map(|event| event["id"].clone())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let keys = scene.s3.keys(&scene.namespace).await;
    let files = keys
        .iter()
        .filter(|key| !key.contains(".titan-media-probe"))
        .count();
    assert_eq!(files, 1, "{keys:?}");
}

/// Whether an event tells where the file is.
fn has_url(event: &Value) -> bool {
    let payload = &event["payload"];
    payload["mediaUrl"].is_string() || payload["media"]["url"].is_string()
}
