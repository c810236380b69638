//! Objects that stand where the operator wants to write.

use serde_json::{Value, json};

use crate::harness::object::{message, says};
use crate::harness::scene::{SOON, SYNC, Scene};

/// Traps T11 and T16: a forced apply would take over what is somebody else's, silently.
#[tokio::test]
async fn a_foreign_object_of_the_same_name_stalls_the_session_and_stays_untouched() {
    let scene = Scene::new("conflict").await;
    let kube = scene.kube();
    let foreign = |kind: &str, version: &str, name: &str, rest: Value| {
        let mut object = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": format!("msess-{name}"), "namespace": scene.namespace},
        });
        for (field, value) in rest.as_object().unwrap() {
            object[field] = value.clone();
        }
        object
    };
    let labels = json!({"app": "theirs"});
    let container = json!({"name": "theirs", "image": scene.cluster.release.images.peer});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}});
    let cases = [
        (
            "ConfigMap",
            "config",
            foreign(
                "ConfigMap",
                "v1",
                "config",
                json!({"data": {"theirs": "1"}}),
            ),
        ),
        (
            "Service",
            "service",
            foreign(
                "Service",
                "v1",
                "service",
                json!({"spec": {"ports": [{"port": 1}]}}),
            ),
        ),
        (
            "Deployment",
            "deploy",
            foreign(
                "Deployment",
                "apps/v1",
                "deploy",
                json!({"spec": {
                    "replicas": 0, "selector": {"matchLabels": labels}, "template": template,
                }}),
            ),
        ),
        (
            "PersistentVolumeClaim",
            "claim",
            foreign(
                "PersistentVolumeClaim",
                "v1",
                "claim",
                json!({"spec": claim}),
            ),
        ),
        (
            "NetworkPolicy",
            "policy",
            foreign(
                "NetworkPolicy",
                "networking.k8s.io/v1",
                "policy",
                json!({"spec": {"podSelector": {}}}),
            ),
        ),
    ];
    kube.apply(&[scene.secret(), scene.storage()]).await;
    for (_, _, object) in &cases {
        kube.apply(std::slice::from_ref(object)).await;
    }
    for (_, name, _) in &cases {
        kube.apply(&[scene.session(name)]).await;
    }
    for (kind, name, object) in &cases {
        stays_theirs(&scene, kind, name, object).await;
    }
    // Nobody tells the operator that a foreign object has gone: it looks again every minute.
    for (_, name, _) in &cases {
        scene.ready_in(SYNC, name).await;
    }
}

/// The session `name` is stalled by `object`, which stays as it is; then it is taken away.
async fn stays_theirs(scene: &Scene, kind: &'static str, name: &str, object: &Value) {
    let kube = scene.kube();
    let stalled = scene
        .until(&scene.msess(name), "Stalled", "True", "NameConflict")
        .await;
    assert!(
        says(&stalled, "Ready", "False", "NameConflict"),
        "{stalled:#}"
    );
    let text = message(&stalled, "Ready");
    assert!(
        text.contains(kind) && text.contains(&format!("msess-{name}")),
        "{text}"
    );
    let now = kube
        .get(&scene.object(kind, &format!("msess-{name}")))
        .await
        .unwrap();
    assert!(now["metadata"]["ownerReferences"].is_null(), "{now:#}");
    assert!(now["metadata"]["labels"].is_null(), "{now:#}");
    for field in ["data", "spec"] {
        let (theirs, now) = (&object[field], &now[field]);
        for (member, value) in theirs.as_object().into_iter().flatten() {
            if value.is_string() || value.is_number() {
                assert_eq!(&now[member], value, "{kind} {member}");
            }
        }
    }
    kube.delete(&scene.object(kind, &format!("msess-{name}")))
        .await;
}

/// Trap T16: what the garbage collector still holds must not be taken as done.
#[tokio::test]
async fn orphaned_children_are_taken_up_again_by_a_session_of_the_same_name() {
    let scene = Scene::new("orphans").await;
    let kube = scene.kube();
    scene.up("default").await;
    scene.takes_an_image("default", "3EB0BEFORE").await;
    let deployment = scene.object("Deployment", "msess-default");
    let before = kube.get(&deployment).await.unwrap();
    let pods = scene.pods("default").await;
    let args = [
        "delete",
        "msess/default",
        "--cascade=orphan",
        "-n",
        &scene.namespace,
    ];
    kube.kubectl(&args).await.expect();
    let free = |now: &Value| now["metadata"]["ownerReferences"].is_null();
    kube.wait(SOON, &deployment, "it has no owner", free).await;

    kube.apply(&[scene.session("default")]).await;
    let again = scene.ready("default").await;
    let after = kube.get(&deployment).await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(
        after["metadata"]["ownerReferences"][0]["uid"],
        again["metadata"]["uid"]
    );
    assert_eq!(pods.len(), scene.pods("default").await.len());
    scene.takes_an_image("default", "3EB0AFTER").await;
}

/// Trap T16: a session that is deleted and applied again at once meets children that are on their way out.
#[tokio::test]
async fn a_session_that_is_recreated_at_once_is_whole_in_the_end() {
    let scene = Scene::new("recreated").await;
    scene.up("default").await;
    for round in 0..3 {
        let args = ["delete", "msess/default", "-n", &scene.namespace];
        scene.kube().kubectl(&args).await.expect();
        scene.kube().apply(&[scene.session("default")]).await;
        let ready = scene.ready("default").await;
        scene
            .takes_an_image("default", &format!("3EB0ROUND{round}"))
            .await;
        for kind in ["Deployment", "Service", "ConfigMap", "NetworkPolicy"] {
            let child = scene.object(kind, "msess-default");
            let owned = |now: &Value| {
                now["metadata"]["ownerReferences"][0]["uid"] == ready["metadata"]["uid"]
                    && now["metadata"]["deletionTimestamp"].is_null()
            };
            scene
                .kube()
                .wait(SOON, &child, "its owner is the new session", owned)
                .await;
        }
    }
}
