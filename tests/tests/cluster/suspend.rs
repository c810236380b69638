//! A session that is put to sleep and woken.

use serde_json::{Value, json};

use crate::harness::kube::wait_until;
use crate::harness::object::says;
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn suspend_and_back_loses_no_message() {
    let scene = Scene::new("suspend").await;
    let kube = scene.kube();
    scene.up("default").await;
    scene.peer.answer(&scene.hook(), Some(503)).await;
    let (sealed, direct_path) = scene.file(60_000).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0ASLEEP", &sealed, &direct_path)
        .await;

    let session = scene.msess("default");
    kube.patch(&session, &json!({"spec": {"suspend": true}}))
        .await;
    let asleep = scene.until(&session, "Ready", "True", "Suspended").await;
    assert!(says(&asleep, "Stalled", "False", "") || asleep["status"]["conditions"].is_array());
    wait_until(SOON, "the pod is gone", async || {
        scene.pods("default").await.is_empty()
    })
    .await;
    let deployment = kube
        .get(&scene.object("Deployment", "msess-default"))
        .await
        .unwrap();
    assert_eq!(deployment["spec"]["replicas"], 0);

    scene.peer.answer(&scene.hook(), None).await;
    kube.patch(&session, &json!({"spec": {"suspend": false}}))
        .await;
    let awake =
        |now: &Value| says(now, "Ready", "True", "") && !says(now, "Ready", "True", "Suspended");
    kube.wait(SOON, &session, "it is awake", awake).await;
    scene.stored("3EB0ASLEEP", &sealed).await;
}
