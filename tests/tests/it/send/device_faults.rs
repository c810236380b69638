//! A device, or a CDN, that does not take a message: nothing is lost, nothing goes out under two ids.

use std::collections::BTreeSet;

use titan_tests::wait::{LATER, SOON, eventually, until};

use super::device::{received, up};
use super::harness::{
    file, of_format, result_of, send, send_async, spool_is_empty, spooled, text, with,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_said_at_once() {
    let scene = up().await;
    scene.device.refuse([(503, "not_connected")]);
    let refused = send(&scene.stage, &text("x")).await;
    refused.refused(503, "device_not_connected");
    assert!(refused.header("retry-after").is_some());
    scene.device.refuse([(422, "refused")]);
    send(&scene.stage, &text("x"))
        .await
        .refused(422, "whatsapp_refused");
    scene.device.refuse([(504, "not_acknowledged")]);
    send(&scene.stage, &text("x"))
        .await
        .refused(502, "not_acknowledged");
    send(&scene.stage, &text("x")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_file_outlives_a_kill_and_goes_out_once() {
    let mut scene = up().await;
    scene.device.refuse_always(Some((503, "not_connected")));
    let bytes = of_format("mp4", 300_000);
    let id = send_async(&scene.stage, &file("video", &bytes)).await;
    until(SOON, "it is uploaded", || async {
        !scene.cdn.uploads().is_empty()
    })
    .await;
    scene.stage.sidecar.logged("message not sent yet").await;
    scene.stage.sidecar.kill();
    scene.stage.sidecar.start().await;
    assert_eq!(spooled(&scene.stage).len(), 1);
    scene.device.refuse_always(None);
    let told = result_of(&scene.stage, &id).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    assert!(told.json["payload"]["result"]["mediaId"].is_string());
    let (_, plain) = received(&scene, "video");
    assert!(plain == bytes);
    assert_eq!(scene.device.sends().len(), 1);
    assert_eq!(scene.cdn.uploads().len(), 1, "uploaded once");
    spool_is_empty(&scene.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_try_of_an_upload_is_of_the_same_file() {
    let mut scene = up().await;
    scene.cdn.refuse([503]);
    let bytes = of_format("jpeg", 100_000);
    let id = send_async(&scene.stage, &file("image", &bytes)).await;
    scene.stage.sidecar.logged("message not sent yet").await;
    scene.stage.sidecar.kill();
    scene.cdn.refuse([503, 401]);
    scene.stage.sidecar.start().await;
    let told = result_of(&scene.stage, &id).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    let (_, plain) = received(&scene, "image");
    assert!(plain == bytes);
    let uploads = scene.cdn.uploads();
    let paths: BTreeSet<_> = uploads.iter().map(|upload| &upload.path).collect();
    assert_eq!(paths.len(), 1, "under one token: {paths:?}");
    assert!(uploads.len() >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_renewed_once() {
    let scene = up().await;
    scene.cdn.refuse([401]);
    let bytes = of_format("png", 1000);
    send(&scene.stage, &file("image", &bytes)).await.expect(200);
    let auths: BTreeSet<_> = scene
        .cdn
        .uploads()
        .into_iter()
        .map(|upload| upload.query)
        .collect();
    assert_eq!(auths.len(), 2);
    scene.cdn.refuse([401, 403]);
    send(&scene.stage, &file("image", &bytes))
        .await
        .refused(502, "upload_failed");
    scene.cdn.refuse([413]);
    send(&scene.stage, &file("image", &bytes))
        .await
        .refused(422, "whatsapp_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_asked_after_and_sent_in_constant_memory() {
    let scene = up().await;
    let bytes = of_format("pdf", 50_000_000);
    let message = with(file("file", &bytes), "filename", "a.pdf");
    let before = resident(scene.stage.sidecar.pid());
    let id = send_async(&scene.stage, &message).await;
    let most = eventually(LATER, "it is sent", || async {
        let now = resident(scene.stage.sidecar.pid());
        (!scene.device.sends().is_empty()).then_some(now)
    })
    .await;
    result_of(&scene.stage, &id).await;
    let peak = peak(scene.stage.sidecar.pid());
    println!("resident before {before} KiB, at the end {most} KiB, at most {peak} KiB");
    assert!(peak < before + 48 * 1024, "{before} to {peak} KiB");
    let (_, plain) = received(&scene, "file");
    assert!(plain == bytes);
    let [asked, sent] = &scene.cdn.uploads()[..] else {
        panic!("{:?}", scene.cdn.uploads());
    };
    assert!(asked.query.ends_with("&resume=1") && asked.length == 0);
    assert_eq!(sent.length, titan_media::encrypted_len(50_000_000));
}

/// KiB that a process has in memory now.
fn resident(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most it ever had.
fn peak(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
