//! Many sessions at once, with an operator that dies meanwhile.

use std::time::Duration;

use crate::harness::kube::wait_until;
use crate::harness::object::says;
use crate::harness::release;
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn an_operator_killed_during_a_burst_leaves_no_session_behind() {
    let scene = Scene::alone("burst").await;
    let kube = scene.kube();
    kube.apply(&[scene.secret(), scene.storage()]).await;
    let sessions: Vec<_> = (0..50)
        .map(|n| scene.session(&format!("burst-{n}")))
        .collect();
    kube.apply(&sessions).await;
    wait_until(SOON, "some have children", async || {
        kube.list("Deployment", &scene.namespace, "").await.len() >= 10
    })
    .await;
    let args = [
        "delete",
        "pod",
        "-n",
        release::NAMESPACE,
        "--all",
        "--grace-period=0",
        "--force",
    ];
    kube.kubectl(&args).await.expect();
    wait_until(Duration::from_mins(4), "all 50 are Ready", async || {
        let all = kube.list("MediaSession", &scene.namespace, "").await;
        all.len() == 50 && all.iter().all(|session| says(session, "Ready", "True", ""))
    })
    .await;
    scene.takes_an_image("burst-0", "3EB0FIRST").await;
    scene.takes_an_image("burst-49", "3EB0LAST").await;
}
