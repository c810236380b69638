//! The volume of a session: one writer, and it outlives the session.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;

use crate::harness::kube::{retry, wait_until};
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn the_volume_outlives_its_session_and_is_taken_up_again() {
    let scene = Scene::new("volume_kept").await;
    let kube = scene.kube();
    scene.up("default").await;
    scene.takes_an_image("default", "3EB0KEPT").await;
    let claim = scene.object("PersistentVolumeClaim", "msess-default");
    let before = kube.get(&claim).await.unwrap();
    assert!(
        before["metadata"]["ownerReferences"].is_null(),
        "{before:#}"
    );

    kube.delete(&scene.msess("default")).await;
    kube.wait_gone(SOON, &scene.object("Deployment", "msess-default"))
        .await;
    wait_until(SOON, "the pods are gone", async || {
        kube.list("Pod", &scene.namespace, "titan.media/session=default")
            .await
            .is_empty()
    })
    .await;
    kube.apply(&[scene.session("default")]).await;
    scene.ready("default").await;
    let after = kube.get(&claim).await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let api = scene.api("default").await;
    let info = scene.reaches(&api, "default", "3EB0KEPT", "stored").await;
    assert!(info["key"].is_string());
}

#[tokio::test]
async fn with_reclaim_delete_the_volume_goes_with_its_session() {
    let scene = Scene::new("volume_deleted").await;
    let kube = scene.kube();
    let mut session = scene.session("default");
    session["spec"]["store"] = json!({"reclaim": "Delete", "sqlite": {"size": "64Mi"}});
    kube.apply(&[scene.secret(), scene.storage(), session])
        .await;
    scene.ready("default").await;
    let claim = scene.object("PersistentVolumeClaim", "msess-default");
    let before = kube.get(&claim).await.unwrap();
    assert_eq!(
        before["metadata"]["ownerReferences"][0]["kind"],
        "MediaSession"
    );
    assert_eq!(before["spec"]["resources"]["requests"]["storage"], "64Mi");
    kube.delete(&scene.msess("default")).await;
    kube.wait_gone(SOON, &claim).await;
}

/// Trap T17: after the deletion of a pod, the old and the new one run on one volume, `Recreate` or not.
#[tokio::test]
async fn a_pod_deleted_under_load_never_writes_beside_its_successor_and_loses_nothing() {
    let scene = Scene::new("volume_overlap").await;
    let kube = scene.kube();
    scene.up("default").await;
    let (sealed, direct_path) = scene.file(20_000_000).await;
    scene.peer.trickle(&direct_path, Some((500_000, 100))).await;
    let api = scene.api("default").await;
    // A transfer that outlasts the pod's warning keeps the old process alive for a while.
    scene
        .post(&api, "default", "3EB0OVERLAP", &sealed, &direct_path)
        .await;
    let before = scene.pods("default").await;
    let old = name(&before[0]);
    let follow = ["logs", "--follow", &old, "-n", &scene.namespace];
    let (first, rest) = tokio::join!(kube.kubectl(&follow), replace(&scene, &api, &old));
    let (new, taken) = rest;
    let second = kube
        .kubectl(&["logs", &new, "-n", &scene.namespace])
        .await
        .expect();
    let released = time_of(&first.out, "data directory given back");
    let acquired = time_of(&second, "data directory taken");
    assert!(
        released <= acquired,
        "given back at {released}, taken at {acquired}"
    );

    scene.peer.trickle(&direct_path, None).await;
    scene.stored("3EB0OVERLAP", &sealed).await;
    assert!(!taken.is_empty(), "no message was taken under load");
    for id in &taken {
        scene
            .peer
            .event(&scene.hook(), "message.received", id)
            .await;
    }
}

/// Deletes the pod `old` and posts one message after the other until its successor serves; returns the
/// successor's name and the messages that were taken.
async fn replace(scene: &Scene, api: &Api, old: &str) -> (String, Vec<String>) {
    let args = ["delete", "pod", old, "-n", &scene.namespace, "--wait=false"];
    scene.kube().kubectl(&args).await.expect();
    let serial = AtomicU64::new(0);
    let taken = Mutex::new(Vec::new());
    let new = retry(SOON, "the successor is ready", async || {
        let id = format!("3EB0LOAD{}", serial.fetch_add(1, Ordering::Relaxed));
        let body = baileys::one(&id, baileys::text("under load")).to_string();
        let headers = [("content-type", "application/json")];
        let path = "/api/sessions/default/inbound";
        let reply = api.try_call("POST", path, &headers, &body).await;
        if reply.is_ok_and(|reply| reply.status == 202) {
            taken.lock().unwrap().push(id);
        }
        let pods = scene.pods("default").await;
        pods.iter().find(|pod| is_ready(pod)).map(name)
    });
    let new = new.await;
    (new, taken.into_inner().unwrap())
}

/// When a sidecar logged this, as written in its JSON log.
fn time_of(log: &str, message: &str) -> String {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = lines.filter(|line| line.to_string().contains(message));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no {message:?} in:\n{log}"));
    line["timestamp"].as_str().unwrap_or_default().to_owned()
}

fn name(pod: &Value) -> String {
    pod["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let mut ready = conditions.into_iter().flatten();
    ready.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
