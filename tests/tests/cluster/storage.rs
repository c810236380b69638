//! A storage that changes, and one that goes, under running sessions.

use serde_json::{Value, json};

use crate::harness::scene::{SOON, SYNC, Scene};

#[tokio::test]
async fn a_changed_prefix_is_reread_and_a_changed_secret_name_rolls_the_pod() {
    let scene = Scene::new("storage_changed").await;
    let kube = scene.kube();
    scene.up("default").await;
    let before = scene.pods("default").await;

    let prefix = json!({"spec": {"prefix": "elsewhere/"}});
    kube.patch(&scene.tstore(), &prefix).await;
    scene
        .until_reported(SYNC, "default", "storageGeneration", 2)
        .await;
    scene.ready("default").await;
    let (sealed, direct_path) = scene.file(60_000).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0PREFIX", &sealed, &direct_path)
        .await;
    let event = scene.stored("3EB0PREFIX", &sealed).await;
    let key = event["payload"]["media"]["key"]
        .as_str()
        .unwrap_or_default();
    assert!(key.starts_with("elsewhere/"), "{event:#}");
    let now = scene.pods("default").await;
    assert_eq!(
        before[0]["metadata"]["uid"], now[0]["metadata"]["uid"],
        "the pod was rolled"
    );

    let mut secret = scene.secret();
    secret["metadata"]["name"] = json!("acme-s3-other");
    kube.apply(&[secret]).await;
    let name = json!({"spec": {"credentials": {"secretRef": {"name": "acme-s3-other"}}}});
    kube.patch(&scene.tstore(), &name).await;
    let deployment = scene.object("Deployment", "msess-default");
    let mounts = |now: &Value| {
        now["spec"]["template"]
            .to_string()
            .contains("acme-s3-other")
    };
    kube.wait(SOON, &deployment, "it mounts the other Secret", mounts)
        .await;
    scene
        .until_reported(SYNC, "default", "storageGeneration", 3)
        .await;
    scene.ready("default").await;
    scene.takes_an_image("default", "3EB0OTHERSECRET").await;
}

/// Fail static: what runs goes on, and what is lost is rebuilt from what is there.
#[tokio::test]
async fn without_its_storage_a_session_goes_on_and_its_deployment_is_rebuilt() {
    let scene = Scene::new("storage_deleted").await;
    let kube = scene.kube();
    scene.up("default").await;
    let session = scene.msess("default");
    kube.delete(&scene.tstore()).await;
    scene
        .until(&session, "StorageReady", "False", "StorageNotFound")
        .await;
    scene
        .until(&session, "Ready", "False", "StorageNotFound")
        .await;
    scene.takes_an_image("default", "3EB0STORAGEGONE").await;

    let map = scene.object("ConfigMap", "msess-default");
    let live = kube.get(&map).await.unwrap();
    let deployment = scene.object("Deployment", "msess-default");
    let before = kube.get(&deployment).await.unwrap();
    kube.delete(&deployment).await;
    let is_new = |now: &Value| now["metadata"]["uid"] != before["metadata"]["uid"];
    let after = kube
        .wait(SOON, &deployment, "it is there again", is_new)
        .await;
    assert_eq!(after["spec"]["template"], before["spec"]["template"]);
    let now = kube.get(&map).await.unwrap();
    assert_eq!(now["data"], live["data"]);
    scene.takes_an_image("default", "3EB0REBUILT").await;

    kube.apply(&[scene.storage()]).await;
    scene.ready("default").await;
    scene.takes_an_image("default", "3EB0HEALED").await;
}

#[tokio::test]
async fn a_session_whose_storage_comes_later_takes_messages_meanwhile() {
    let scene = Scene::new("storage_late").await;
    let kube = scene.kube();
    kube.apply(&[scene.session("default")]).await;
    let session = scene.msess("default");
    scene
        .until(&session, "Ready", "False", "StorageNotFound")
        .await;
    let (sealed, direct_path) = scene.file(60_000).await;
    let api = scene.api("default").await;
    scene
        .post(&api, "default", "3EB0BEFORESTORAGE", &sealed, &direct_path)
        .await;
    kube.apply(&[scene.secret(), scene.storage()]).await;
    scene.ready_in(SYNC, "default").await;
    let info = scene
        .reaches(&api, "default", "3EB0BEFORESTORAGE", "stored")
        .await;
    let key = info["key"].as_str().unwrap_or_default();
    assert!(scene.s3.object(&scene.namespace, key).await == sealed.plain);
}
