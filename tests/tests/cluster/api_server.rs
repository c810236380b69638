//! The API server goes away and comes back; and it checks owner references as OpenShift's does.

use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::cache::crate_folder;

use crate::harness::kube::run_async;
use crate::harness::object::Object;
use crate::harness::scene::{SOON, Scene};

async fn api_server(what: &str) {
    let script = crate_folder().join("cluster/api-server.sh");
    run_async(&script.display().to_string(), &[what], "")
        .await
        .expect();
}

#[tokio::test]
async fn sidecars_serve_without_the_api_server_and_the_operator_recovers() {
    let scene = Scene::alone("api_server").await;
    scene.up("default").await;
    let (sealed, direct_path) = scene.file(90_000).await;
    let api = scene.api("default").await;
    api_server("kill").await;
    scene
        .post(&api, "default", "3EB0NOAPI", &sealed, &direct_path)
        .await;
    scene.stored("3EB0NOAPI", &sealed).await;
    api_server("start").await;

    let documents = [scene.session("later")];
    scene.kube().apply(&documents).await;
    scene.ready_in(Duration::from_mins(2), "later").await;
    scene.ready_in(Duration::from_mins(2), "default").await;
    scene.takes_an_image("later", "3EB0RECOVERED").await;
}

/// With `OwnerReferencesPermissionEnforcement` an owner reference that blocks deletion needs `update`
/// on the owner's finalizers: the test cluster has it on, for every test.
#[tokio::test]
async fn owner_references_pass_where_the_api_server_checks_them() {
    let scene = Scene::new("owner_references").await;
    let kube = scene.kube();
    let session = scene.up("default").await;
    let owner = json!({
        "apiVersion": "titan.media/v1alpha1", "kind": "MediaSession", "name": "default",
        "uid": session["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    });
    for kind in ["Deployment", "Service", "ConfigMap", "NetworkPolicy"] {
        let child = scene.object(kind, "msess-default");
        let child = kube.wait(SOON, &child, "it is there", |_| true).await;
        assert_eq!(
            child["metadata"]["ownerReferences"],
            json!([owner]),
            "{kind}"
        );
    }
    // Who may create ConfigMaps and nothing else is refused: the check is on.
    let account = format!("system:serviceaccount:{}:maps", scene.namespace);
    for args in [
        &["create", "serviceaccount", "maps"][..],
        &[
            "create",
            "role",
            "maps",
            "--verb=create",
            "--resource=configmaps",
        ],
        &[
            "create",
            "rolebinding",
            "maps",
            "--role=maps",
            &format!("--serviceaccount={}:maps", scene.namespace),
        ],
    ] {
        kube.kubectl(&[args, &["-n", &scene.namespace]].concat())
            .await
            .expect();
    }
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": scene.namespace, "ownerReferences": [owner]},
    });
    let said = kube.try_create(&map, &["--as", &account]).await;
    said.refused(&["cannot set blockOwnerDeletion"]);
    map["metadata"]["ownerReferences"] = Value::Null;
    kube.try_create(&map, &["--as", &account]).await.expect();
    kube.delete(&Object::new("ConfigMap", &scene.namespace, "theirs"))
        .await;
}
