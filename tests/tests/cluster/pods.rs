//! A pod that can't start says why.

use serde_json::{Value, json};

use crate::harness::object::message;
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn a_volume_that_is_not_there_and_a_node_that_does_not_fit_are_named() {
    let scene = Scene::new("pods").await;
    let kube = scene.kube();
    let mut volume = scene.session("volume");
    volume["spec"]["store"] = json!({"sqlite": {"storageClassName": "there-is-no-such-class"}});
    let mut node = scene.session("node");
    node["spec"]["podTemplate"] = json!({"nodeSelector": {"titan.media/nowhere": "true"}});
    kube.apply(&[scene.secret(), scene.storage(), volume, node])
        .await;
    for (name, words) in [("volume", &["msess-volume"][..]), ("node", &["node"])] {
        let session = scene.msess(name);
        scene
            .until(
                &session,
                "WorkloadAvailable",
                "False",
                "WorkloadUnavailable",
            )
            .await;
        let named = |now: &Value| {
            let text = message(now, "WorkloadAvailable");
            words.iter().all(|word| text.contains(word))
        };
        kube.wait(SOON, &session, "the pod's reason is named", named)
            .await;
        scene
            .until(&session, "Ready", "False", "WorkloadUnavailable")
            .await;
    }
}
