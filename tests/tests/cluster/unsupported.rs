//! What this installation does not honour.

use serde_json::json;

use crate::harness::object::message;
use crate::harness::scene::Scene;
use crate::policy::workloads::no_device_can_run;

#[tokio::test]
async fn a_device_that_the_installation_has_no_image_for_stalls_until_it_has_one() {
    let scene = Scene::alone("unsupported").await;
    let release = &scene.cluster.release;
    let without = json!({"whatsapp": {"image": {"digest": ""}}});
    release.upgrade(without).await.expect();
    no_device_can_run(&scene).await;
    let mut session = scene.session("device");
    session["spec"]["source"] = json!({"whatsapp": {}});
    scene.kube().apply(&[session]).await;
    let object = scene.msess("device");
    let stalled = scene.until(&object, "Stalled", "True", "Unsupported").await;
    let text = message(&stalled, "Stalled");
    assert!(text.contains("spec.source.whatsapp: "), "{text}");
    scene.until(&object, "Ready", "False", "Unsupported").await;

    release.restore().await;
    scene.ready("device").await;
}
