//! A new sidecar image goes through the fleet in stages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::kube::wait_until;
use crate::harness::object::{message, says};
use crate::harness::release::image;
use crate::harness::scene::{SOON, Scene};

const SESSIONS: usize = 20;
const AT_ONCE: usize = 3;

/// How many sessions run each image, and how many can't be reached.
async fn census(scene: &Scene) -> (BTreeMap<String, usize>, usize) {
    let (mut images, mut down) = (BTreeMap::new(), 0);
    for deployment in scene.kube().list("Deployment", &scene.namespace, "").await {
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        *images
            .entry(image.as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
        let status = &deployment["status"];
        let current = status["observedGeneration"] == deployment["metadata"]["generation"];
        if !current || status["availableReplicas"] != 1 || status["updatedReplicas"] != 1 {
            down += 1;
        }
    }
    (images, down)
}

#[tokio::test]
async fn an_upgrade_keeps_few_sessions_down_and_stops_after_three_failures() {
    let scene = Scene::alone("fleet").await;
    let (kube, release) = (scene.kube(), &scene.cluster.release);
    let images = &release.images;
    kube.apply(&[scene.secret(), scene.storage()]).await;
    let mut sessions: Vec<_> = (0..SESSIONS)
        .map(|n| scene.session(&format!("fleet-{n}")))
        .collect();
    kube.apply(&sessions).await;
    let all_ready = async || {
        let all = kube.list("MediaSession", &scene.namespace, "").await;
        all.len() == SESSIONS && all.iter().all(|session| says(session, "Ready", "True", ""))
    };
    wait_until(Duration::from_mins(3), "all are Ready", all_ready).await;

    // A good image: all get it, few at once.
    let upgrade = |to: &str| {
        release.upgrade(json!({
            "maxUnavailableSessions": AT_ONCE,
            "sidecar": {"image": image(to)},
        }))
    };
    upgrade(&images.sidecar_next).await.expect();
    let mut most = 0;
    wait_until(
        Duration::from_mins(4),
        "all run the new image",
        async || {
            let (images_now, down) = census(&scene).await;
            most = down.max(most);
            images_now.get(&images.sidecar_next) == Some(&SESSIONS) && down == 0
        },
    )
    .await;
    assert!((1..=AT_ONCE).contains(&most), "{most} were down at once");
    wait_until(SOON, "all are Ready", all_ready).await;

    // A bad one: three sessions fail, the rest stay as they are.
    upgrade(&images.sidecar_broken).await.expect();
    wait_until(Duration::from_mins(3), "three have failed", async || {
        let (images_now, down) = census(&scene).await;
        assert!(down <= AT_ONCE, "{down} are down");
        let broken = kube.list("MediaSession", &scene.namespace, "").await;
        let told = broken
            .iter()
            .filter(|session| says(session, "WorkloadAvailable", "False", ""))
            .filter(|session| !message(session, "WorkloadAvailable").is_empty())
            .count();
        images_now.get(&images.sidecar_broken) >= Some(&3) && told >= 3
    })
    .await;
    // Whoever is applied anew is told of it; it proves that the operator works on and holds back.
    let newest = scene.session("fleet-new");
    kube.apply(std::slice::from_ref(&newest)).await;
    sessions.push(newest);
    let object = scene.msess("fleet-new");
    kube.wait(SOON, &object, "it is reconciled", |now| {
        now["status"]["conditions"].is_array()
    })
    .await;
    let (images_now, _) = census(&scene).await;
    let untouched = images_now
        .get(&images.sidecar_next)
        .copied()
        .unwrap_or_default();
    assert!(untouched >= SESSIONS - AT_ONCE, "{images_now:?}");

    // Back to a good one: all heal.
    release.restore().await;
    wait_until(Duration::from_mins(4), "all are Ready again", async || {
        let all = kube.list("MediaSession", &scene.namespace, "").await;
        all.len() == sessions.len() && all.iter().all(|session| says(session, "Ready", "True", ""))
    })
    .await;
    let settled = |image: &str| -> bool { image == images.sidecar };
    wait_until(
        Duration::from_mins(4),
        "all run the usual image",
        async || census(&scene).await.0.keys().all(|image| settled(image)),
    )
    .await;
}

/// A canary namespace is first.
#[tokio::test]
async fn a_canary_namespace_gets_the_new_image_first() {
    let rest = Scene::alone("fleet_canary").await;
    let canary = rest.beside().await;
    let (kube, release) = (rest.kube(), &rest.cluster.release);
    let label = [
        "label",
        "namespace",
        &canary.namespace,
        "titan.media/canary=true",
    ];
    kube.kubectl(&label).await.expect();
    for scene in [&rest, &canary] {
        kube.apply(&[scene.secret(), scene.storage()]).await;
        for n in 0..3 {
            kube.apply(&[scene.session(&format!("fleet-{n}"))]).await;
        }
    }
    for scene in [&rest, &canary] {
        for n in 0..3 {
            scene.ready(&format!("fleet-{n}")).await;
        }
    }
    let next = &release.images.sidecar_next;
    let changes = json!({"maxUnavailableSessions": 1, "sidecar": {"image": image(next)}});
    release.upgrade(changes).await.expect();
    wait_until(
        Duration::from_mins(2),
        "all run the new image",
        async || {
            let count =
                |images: BTreeMap<String, usize>| images.get(next).copied().unwrap_or_default();
            let others = count(census(&rest).await.0);
            let first = count(census(&canary).await.0);
            assert!(
                others == 0 || first == 3,
                "{others} others have it before {first} of 3 canaries"
            );
            others == 3 && first == 3
        },
    )
    .await;
    release.restore().await;
}

/// The kubelet's own reason stands in the condition, not "not available".
#[tokio::test]
async fn an_image_that_is_not_there_is_named() {
    let scene = Scene::alone("pods_image").await;
    let missing = format!("sha256:{}", "0".repeat(64));
    let usual = image(&scene.cluster.release.images.sidecar);
    let changes =
        json!({"sidecar": {"image": {"repository": usual["repository"], "digest": missing}}});
    scene.cluster.release.upgrade(changes).await.expect();
    let documents: [Value; 3] = [scene.secret(), scene.storage(), scene.session("default")];
    scene.kube().apply(&documents).await;
    let session = scene.msess("default");
    let now = scene
        .until(
            &session,
            "WorkloadAvailable",
            "False",
            "WorkloadUnavailable",
        )
        .await;
    let named = |now: &Value| {
        let text = message(now, "WorkloadAvailable");
        text.contains("ErrImagePull") || text.contains("ImagePullBackOff")
    };
    scene
        .kube()
        .wait(SOON, &session, "the image is named", named)
        .await;
    assert!(says(&now, "Ready", "False", ""), "{now:#}");
    scene.cluster.release.restore().await;
    scene.ready_in(Duration::from_mins(2), "default").await;
}
