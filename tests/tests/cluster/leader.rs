//! Two operators, one of which works.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::object::Object;
use crate::harness::release::{self, OPERATOR};
use crate::harness::scene::{SOON, Scene};

/// Who has the Lease.
fn holder(lease: &Value) -> &str {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default()
}

/// Traps T1, T8: one hand-over in order, one after a crash.
#[tokio::test]
async fn a_killed_leader_is_replaced_within_20_seconds_and_a_leaving_one_within_3() {
    let scene = Scene::alone("leader").await;
    let kube = scene.kube();
    scene.cluster.release.upgrade(json!({"replicas": 2})).await.expect();
    let lease = Object::new("Lease", release::NAMESPACE, OPERATOR);
    let held = |lease: &Value| !holder(lease).is_empty();

    for (grace, limit) in [("--grace-period=0", 20), ("--grace-period=30", 3)] {
        let before = kube.wait(SOON, &lease, "somebody has it", held).await;
        let leader = holder(&before).to_owned();
        let pod = leader_pod(&scene, &leader).await;
        let args = ["delete", "pod", &pod, "-n", release::NAMESPACE, grace, "--force", "--wait=false"];
        let count = if grace.ends_with("=0") { 8 } else { 6 };
        let start = Instant::now();
        let said = if count == 8 {
            kube.kubectl(&args).await
        } else {
            kube.kubectl(&["delete", "pod", &pod, "-n", release::NAMESPACE, "--wait=false"]).await
        };
        said.expect();
        let is_other = |lease: &Value| held(lease) && holder(lease) != leader;
        let limit = Duration::from_secs(limit);
        kube.wait(limit, &lease, "another has it", is_other).await;
        eprintln!("{grace}: another leader after {:?}", start.elapsed());
        let deployment = Object::new("Deployment", release::NAMESPACE, OPERATOR);
        kube.wait(SOON, &deployment, "both run", |now| now["status"]["readyReplicas"] == 2).await;
    }
    scene.up("default").await;
    scene.takes_an_image("default", "3EB0LEADER").await;
    scene.cluster.release.restore().await;
}

/// Name of the pod that calls itself so: its name, perhaps with more.
async fn leader_pod(scene: &Scene, identity: &str) -> String {
    let pods = scene.kube().list("Pod", release::NAMESPACE, "").await;
    let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    let found = names.filter(|name| identity.contains(name)).next();
    found.unwrap_or_else(|| panic!("no pod is {identity}")).to_owned()
}
