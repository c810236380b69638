//! Linking, and linking again.

use serde_json::json;

use super::Device;
use crate::harness::kube::wait_until;
use crate::harness::object::message;
use crate::harness::scene::{SOON, Scene};

#[tokio::test]
async fn a_code_links_a_phone_and_is_nowhere_but_in_its_answer() {
    let device = Device::new(Scene::new("device_link").await).await;
    device.says("False", "ScanQr").await;
    assert!(row(&device).await.contains("ScanQr"));
    let code = device.link().await;

    let row = row(&device).await;
    let (start, end) = (&device.phone[..2], &device.phone[device.phone.len() - 2..]);
    for shown in ["STATE", "PHONE", "Connected", &format!("+{start}…{end}")] {
        assert!(row.contains(shown), "no {shown} in:\n{row}");
    }
    // What makes it one: WhatsApp's reference, and the device's keys.
    let parts: Vec<_> = code.split(',').filter(|part| part.len() > 4).collect();
    assert!(parts.len() >= 4, "{code}");
    let told = device.scene.everything().await;
    let logs = logs(&device).await;
    assert!(logs.contains("titan_whatsapp"), "{logs}");
    for secret in [&parts[..], &[&code, &device.phone[2..]]].concat() {
        assert!(!told.contains(secret), "{secret} is told:\n{told}");
        assert!(!logs.contains(secret), "{secret} is logged:\n{logs}");
    }
    let shown = device
        .api()
        .await
        .get("/api/sessions/default/pair/qr")
        .await;
    shown.refused(409, "already_linked");
}

#[tokio::test]
async fn a_device_whose_volume_is_lost_says_that_it_has_to_be_linked_again() {
    let device = Device::new(Scene::new("device_volume").await).await;
    device.link().await;
    let (scene, kube) = (&device.scene, device.scene.kube());
    let session = scene.msess("default");
    kube.patch(&session, &json!({"spec": {"suspend": true}}))
        .await;
    scene.until(&session, "Ready", "True", "Suspended").await;
    let claim = scene.object("PersistentVolumeClaim", "msess-default");
    let before = kube.get(&claim).await.unwrap();
    kube.delete(&claim).await;
    wait_until(SOON, "the volume is lost", async || {
        let now = kube.get(&claim).await.unwrap_or_default();
        now["metadata"]["uid"] != before["metadata"]["uid"]
    })
    .await;
    kube.patch(&session, &json!({"spec": {"suspend": false}}))
        .await;

    let lost = device.says("False", "ScanQr").await;
    let text = message(&lost, "SessionConnected");
    assert!(text.contains("it has to be linked again"), "{text}");
    device.link().await;
    device.takes_an_image("3EB0AGAIN").await;
}

/// The session in `kubectl get`, with all columns.
async fn row(device: &Device) -> String {
    let namespace = &device.scene.namespace;
    let args = ["get", "msess", "default", "-n", namespace, "-o", "wide"];
    device.scene.kube().kubectl(&args).await.expect()
}

/// What both containers logged.
async fn logs(device: &Device) -> String {
    let pods = device.scene.pods("default").await;
    let mut all = String::new();
    for pod in pods.iter().map(|pod| &pod["metadata"]["name"]) {
        let pod = pod.as_str().unwrap_or_default();
        let args = [
            "logs",
            "--all-containers",
            pod,
            "-n",
            &device.scene.namespace,
        ];
        all += &device.scene.kube().kubectl(&args).await.expect();
    }
    all
}
