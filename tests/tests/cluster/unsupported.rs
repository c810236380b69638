//! Fields that are in the schema and in no code.

use serde_json::json;

use crate::harness::object::message;
use crate::harness::scene::Scene;

#[tokio::test]
async fn a_field_that_no_code_honours_stalls_the_session_with_its_path() {
    let scene = Scene::new("unsupported").await;
    let mut session = scene.session("default");
    session["spec"]["source"] = json!({"whatsapp": {"history": true}});
    scene
        .kube()
        .apply(&[scene.secret(), scene.storage(), session])
        .await;
    let object = scene.msess("default");
    let stalled = scene.until(&object, "Stalled", "True", "Unsupported").await;
    let text = message(&stalled, "Stalled");
    assert!(text.contains("spec.source.whatsapp.history"), "{text}");
    scene.until(&object, "Ready", "False", "Unsupported").await;
    let without = json!({"spec": {"source": null}});
    scene.kube().patch(&object, &without).await;
    scene.ready("default").await;
}
