//! A device that was linked by one program and goes on with another.

use serde_json::{Value, json};

use super::Device;
use super::load::Load;
use crate::harness::kube::wait_until;
use crate::harness::release::image;
use crate::harness::scene::{SYNC, Scene};

#[tokio::test]
async fn the_released_program_goes_on_with_a_linked_device_on_its_volume() {
    let device = Device::new(Scene::alone("device_upgrade").await).await;
    device.link().await;
    device.takes_an_image("3EB0BELIEVING").await;
    device.sends_an_image("believing").await;
    let (release, logins) = (&device.scene.cluster.release, device.logins().await);
    let before = device.scene.pods("default").await;

    let released = &release.images.whatsapp;
    let changes = json!({"whatsapp": {"image": image(released)}});
    release.upgrade(changes).await.expect();
    wait_until(SYNC, "the released program runs", async || {
        let pods = device.scene.pods("default").await;
        matches!(&pods[..], [pod] if container(pod)["image"] == released.as_str())
    })
    .await;
    device.logs_in_again(logins).await;
    device.says("True", "Connected").await;
    device.scene.ready("default").await;
    device.takes_an_image("3EB0RELEASED").await;
    device.sends_an_image("released").await;

    let mut load = Load::default();
    load.replace(&device, &["--grace-period=0", "--force"])
        .await;
    load.all_arrived(&device).await;
    device.takes_an_image("3EB0RESCHEDULED").await;
    device.sends_an_image("rescheduled").await;

    // The same volume, another pod, and nobody scanned anything.
    let now = device.scene.pods("default").await;
    assert_ne!(now[0]["metadata"]["uid"], before[0]["metadata"]["uid"]);
    assert_eq!(volumes(&now[0]), volumes(&before[0]));
    assert_eq!(container(&now[0])["image"], released.as_str());
    release.restore().await;
}

/// The device's container.
fn container(pod: &Value) -> &Value {
    &pod["spec"]["containers"][0]
}

/// Names of the claims that a pod mounts.
fn volumes(pod: &Value) -> Vec<&Value> {
    let volumes = pod["spec"]["volumes"].as_array();
    let claims = volumes
        .into_iter()
        .flatten()
        .map(|volume| &volume["persistentVolumeClaim"]["claimName"]);
    claims.filter(|claim| claim.is_string()).collect()
}
