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
    scene
        .cluster
        .release
        .upgrade(json!({"replicas": 2}))
        .await
        .expect();
    let lease = Object::new("Lease", release::NAMESPACE, OPERATOR);
    let held = |lease: &Value| !holder(lease).is_empty();

    let deployment = Object::new("Deployment", release::NAMESPACE, OPERATOR);
    let killed = &["--grace-period=0", "--force"][..];
    for (how, limit) in [(killed, 20), (&[][..], 3)] {
        let before = kube.wait(SOON, &lease, "somebody has it", held).await;
        let pod = pod_of(&scene, holder(&before)).await;
        let args = [
            "delete",
            "pod",
            &pod,
            "-n",
            release::NAMESPACE,
            "--wait=false",
        ];
        kube.kubectl(&[&args[..], how].concat()).await.expect();
        let start = Instant::now();
        let is_other = |lease: &Value| held(lease) && holder(lease) != holder(&before);
        kube.wait(
            Duration::from_secs(limit),
            &lease,
            "another has it",
            is_other,
        )
        .await;
        eprintln!(
            "deleted with {how:?}: another leads after {:?}",
            start.elapsed()
        );
        kube.wait(SOON, &deployment, "both run", |now| {
            now["status"]["readyReplicas"] == 2
        })
        .await;
    }
    scene.up("default").await;
    scene.takes_an_image("default", "3EB0LEADER").await;
    scene.cluster.release.restore().await;
}

/// Name of the pod that holds the Lease under this identity.
async fn pod_of(scene: &Scene, identity: &str) -> String {
    let pods = scene.kube().list("Pod", release::NAMESPACE, "").await;
    let mut names = pods
        .iter()
        .filter_map(|pod| pod["metadata"]["name"].as_str());
    let found = names.find(|name| identity.contains(name));
    found
        .unwrap_or_else(|| panic!("no pod is {identity}"))
        .to_owned()
}
