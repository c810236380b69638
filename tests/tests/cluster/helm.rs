//! The release as a platform team lives with it: upgrade, uninstall, install again.

use serde_json::{Value, json};

use crate::harness::object::Object;
use crate::harness::release::{self, OPERATOR, helm};
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn an_upgrade_of_the_operator_restarts_no_session() {
    let scene = Scene::alone("helm_upgrade").await;
    scene.up("default").await;
    let (pods, deployment) = (
        scene.pods("default").await,
        scene.object("Deployment", "msess-default"),
    );
    let before = scene.kube().get(&deployment).await.unwrap();
    let changes =
        json!({"logLevel": "info", "concurrency": 4, "podAnnotations": {"upgraded": "yes"}});
    scene.cluster.release.upgrade(changes).await.expect();
    // The new operator has taken over when it makes what is new.
    scene.kube().apply(&[scene.session("later")]).await;
    scene.ready("later").await;
    let after = scene.kube().get(&deployment).await.unwrap();
    assert_eq!(
        after["metadata"]["generation"],
        before["metadata"]["generation"]
    );
    let now = scene.pods("default").await;
    assert_eq!(pods[0]["metadata"]["uid"], now[0]["metadata"]["uid"]);
    scene.takes_an_image("default", "3EB0UPGRADED").await;
    scene.cluster.release.restore().await;
}

#[tokio::test]
async fn an_uninstall_leaves_definitions_tenants_and_running_sessions() {
    let scene = Scene::alone("helm_uninstall").await;
    let kube = scene.kube();
    scene.up("default").await;
    let pods = scene.pods("default").await;
    for name in ["titan-media", "titan-media-crds"] {
        let args = [
            "uninstall",
            name,
            "--namespace",
            release::NAMESPACE,
            "--wait",
        ];
        helm(&args, "").await.expect();
    }
    let operator = Object::new("Deployment", release::NAMESPACE, OPERATOR);
    kube.wait_gone(SOON, &operator).await;
    let definitions = [
        "get",
        "crd",
        "mediasessions.titan.media",
        "tenantstorages.titan.media",
    ];
    kube.kubectl(&definitions).await.expect();
    let session = kube.get(&scene.msess("default")).await.unwrap();
    assert!(session["metadata"]["deletionTimestamp"].is_null());
    // Nobody is left to reconcile it; it works.
    scene.takes_an_image("default", "3EB0UNINSTALLED").await;

    scene.cluster.release.install().await;
    let settled = |now: &Value| now["metadata"]["uid"] == session["metadata"]["uid"];
    kube.wait(SOON, &scene.msess("default"), "it is the same", settled)
        .await;
    scene.kube().apply(&[scene.session("later")]).await;
    scene.ready("later").await;
    scene.ready("default").await;
    let now = scene.pods("default").await;
    assert_eq!(pods[0]["metadata"]["uid"], now[0]["metadata"]["uid"]);
}
