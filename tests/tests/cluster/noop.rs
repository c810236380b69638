//! Nothing is written where nothing changed.

use std::time::Duration;

use serde_json::Value;

use crate::harness::audit;
use crate::harness::kube::wait_until;
use crate::harness::object::{Object, says};
use crate::harness::release::{self, OPERATOR};
use crate::harness::scene::{SOON, Scene};

/// Two polls of each session and more than two resyncs.
const LONG: Duration = Duration::from_secs(130);

/// Traps T9 and T17: the API server's metrics know no users, its audit log does.
#[tokio::test]
async fn twenty_ready_sessions_cost_no_write_for_130_seconds_and_a_restart() {
    let scene = Scene::new("noop").await;
    let kube = scene.kube();
    kube.apply(&[scene.secret(), scene.storage()]).await;
    let sessions: Vec<_> = (0..20)
        .map(|n| scene.session(&format!("noop-{n}")))
        .collect();
    kube.apply(&sessions).await;
    let all_ready = async || {
        let all = kube.list("MediaSession", &scene.namespace, "").await;
        let storage = kube.get(&scene.tstore()).await.unwrap_or_default();
        all.len() == 20
            && all
                .iter()
                .all(|session| says(session, "Ready", "True", "") && settled(session))
            && says(&storage, "Ready", "True", "")
            && storage["status"]["sessions"] == 20
    };
    wait_until(Duration::from_mins(3), "all 20 are Ready", all_ready).await;

    let restart = [
        "rollout",
        "restart",
        "deployment",
        OPERATOR,
        "-n",
        release::NAMESPACE,
    ];
    kube.kubectl(&restart).await.expect();
    let deployment = Object::new("Deployment", release::NAMESPACE, OPERATOR);
    let rolled = |now: &Value| {
        let status = &now["status"];
        status["observedGeneration"] == now["metadata"]["generation"]
            && status["updatedReplicas"] == 1
            && status["replicas"] == 1
            && status["availableReplicas"] == 1
    };
    kube.wait(SOON, &deployment, "the new operator runs", rolled)
        .await;
    let mark = audit::mark();
    // This much time has to pass: that nothing happens in it is what is shown.
    tokio::time::sleep(LONG).await;
    let writes: Vec<_> = audit::by_operator(mark)
        .into_iter()
        .filter(|event| {
            audit::is_write(event) && event["objectRef"]["namespace"] == scene.namespace.as_str()
        })
        .map(|event| {
            format!(
                "{} {} by {}",
                event["verb"], event["objectRef"], event["userAgent"]
            )
        })
        .collect();
    assert!(
        writes.is_empty(),
        "{} writes:\n{}",
        writes.len(),
        writes.join("\n")
    );
    assert!(all_ready().await);
    let reads = audit::by_operator(0)
        .into_iter()
        .filter(|event| event["objectRef"]["resource"] == "secrets" && !audit::is_write(event))
        .count();
    assert_eq!(reads, 0, "the operator read a Secret");
}

/// Not on the way to something else.
fn settled(session: &Value) -> bool {
    !says(session, "Reconciling", "True", "")
}
