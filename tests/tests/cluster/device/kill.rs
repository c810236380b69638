//! A pod that dies in the middle of its device's work, and two pods of one device.

use serde_json::{Value, json};
use titan_tests::relay::image;

use super::Device;
use super::load::Load;
use crate::harness::kube::wait_until;
use crate::harness::scene::{SOON, Scene};

/// Trap T17, for the device: the old and the new pod run on one volume for a while.
#[tokio::test]
async fn a_pod_deleted_under_load_never_connects_beside_its_successor_and_loses_nothing() {
    let device = Device::new(Scene::new("device_kill").await).await;
    device.link().await;
    // A transfer that outlasts the pod's warning keeps the old pod for a while.
    let (sealed, path) = device.scene.file(20_000_000).await;
    let trickle = Some((500_000, 100));
    device.scene.peer.trickle(&path, trickle).await;
    let message = image(&sealed, &path);
    let (from, to) = (&device.other, &device.phone);
    device.whatsapp.send(from, to, "3EB0SLOW", &message).await;
    wait_until(SOON, "the file is under way", async || {
        !device.scene.peer.hits(&path).await.is_empty()
    })
    .await;

    let mut load = Load::default();
    load.replace(&device, &["--wait=false"]).await;
    load.replace(&device, &["--grace-period=0", "--force"])
        .await;
    device.scene.peer.trickle(&path, None).await;
    device.scene.stored("3EB0SLOW", &sealed).await;
    load.all_arrived(&device).await;
    device.says("True", "Connected").await;
}

/// What no operator makes, but a detached node or a restored backup can.
#[tokio::test]
async fn of_two_pods_on_one_volume_one_has_the_device() {
    let device = Device::new(Scene::new("device_twice").await).await;
    device.link().await;
    let (scene, kube) = (&device.scene, device.scene.kube());
    let logins = device.logins().await;
    let twin = twin(&scene.pods("default").await[0]);
    kube.apply(std::slice::from_ref(&twin)).await;
    let pod = scene.object("Pod", "twin");
    kube.wait(SOON, &pod, "its sidecar runs", |pod| {
        pod["status"]["initContainerStatuses"][0]["state"]["running"].is_object()
    })
    .await;
    device.takes_an_image("3EB0TWIN").await;
    assert_eq!(device.logins().await, logins);

    // Now the twin and the pod's successor want it, and then only the successor is left.
    let mut load = Load::default();
    load.replace(&device, &["--wait=false"]).await;
    kube.delete(&pod).await;
    kube.wait_gone(SOON, &pod).await;
    load.all_arrived(&device).await;
}

/// A pod of nobody's that is otherwise the same.
fn twin(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    spec["nodeName"] = Value::Null;
    let metadata = json!({"name": "twin", "namespace": pod["metadata"]["namespace"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}
