//! Files that wait: as ciphertext, in a bounded room, and gone once nobody needs them.

use std::fs;
use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use titan_tests::gateway::{Answer, Dialect};
use titan_tests::stage::{API_KEY, Stage};
use titan_tests::wait::{SOON, until};
use titan_tests::wire::Connection;
use tokio::net::TcpStream;

use super::files::Files;
use super::harness::{
    OTHER_CHAT, file, link, of_format, plan, result_of, send, send_async, spool_is_empty, spooled,
    up, with,
};

const MIB: usize = 1 << 20;

/// Every file below `folder` that has a piece of `bytes`.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
            continue;
        }
        let whole = fs::read(&path).unwrap();
        let encoded = STANDARD.encode(bytes);
        let is_in = |piece: &[u8]| whole.windows(piece.len()).any(|window| window == piece);
        if [0, 30_000, 60_000]
            .iter()
            .any(|at| is_in(&bytes[*at..][..24]) || is_in(&encoded.as_bytes()[*at..][..24]))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waits_is_nowhere_on_the_disk_in_plain() {
    let (mut stage, gateway) = up(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let bytes = of_format("jpeg", 100_000);
    let id = send_async(&stage, &file("image", &bytes)).await;
    gateway.reached(1).await;
    let waiting = spooled(&stage);
    assert_eq!(waiting.len(), 1);
    assert!(fs::metadata(&waiting[0]).unwrap().len() >= 100_000);
    let data = stage.sidecar.launch().data();
    assert_eq!(holding(&data, &bytes), [""; 0]);
    // Nor is it after a crash.
    stage.sidecar.kill();
    assert_eq!(holding(&data, &bytes), [""; 0]);
    fs::write(data.join("proof"), &bytes).unwrap();
    assert_eq!(holding(&data, &bytes).len(), 1, "the search finds nothing");
    gateway.let_go();
    stage.sidecar.start().await;
    result_of(&stage, &id).await;
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_gone_after_success_failure_and_refusal() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let image = file("image", &of_format("png", 200_000));
    send(&stage, &image).await.expect(200);
    spool_is_empty(&stage).await;
    gateway.answer([
        Answer::Status(400, json!({"message": "no"})),
        Answer::HangUp,
    ]);
    send(&stage, &image).await.refused(422, "gateway_refused");
    spool_is_empty(&stage).await;
    send(&stage, &image)
        .await
        .refused(502, "gateway_unavailable");
    spool_is_empty(&stage).await;
    let wrong = with(image.clone(), "type", "video");
    send(&stage, &wrong)
        .await
        .refused(415, "unsupported_media_type");
    spool_is_empty(&stage).await;
    let wrong = with(image, "zzz", 1);
    send(&stage, &wrong).await.refused(400, "unknown_field");
    spool_is_empty(&stage).await;
}

/// Posts a file and stops in the middle of it, once a part of it is on the disk.
async fn half_a_file(stage: &Stage) -> Connection {
    let address = stage.sidecar.address();
    let stream = TcpStream::connect(&address).await.unwrap();
    let mut connection = Connection::new(stream);
    let path = Stage::path("messages/send");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{{\"base64\":\"",
        2 * MIB
    );
    connection.write(head.as_bytes()).await.unwrap();
    connection.write(&vec![b'A'; MIB]).await.unwrap();
    until(SOON, "a part of it is on the disk", || async {
        let files = spooled(stage);
        let lengths = files.iter().map(|file| fs::metadata(file).unwrap().len());
        lengths.sum::<u64>() > 256 * 1024
    })
    .await;
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_breaks_off_leaves_nothing() {
    let (stage, gateway) = up(Dialect::Waha).await;
    drop(half_a_file(&stage).await);
    spool_is_empty(&stage).await;
    let reset = half_a_file(&stage).await;
    reset.reset_on_close();
    drop(reset);
    spool_is_empty(&stage).await;
    assert!(gateway.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_an_upload_leaves_nothing_after_the_start() {
    let (mut stage, gateway) = up(Dialect::Waha).await;
    let connection = half_a_file(&stage).await;
    stage.sidecar.kill();
    drop(connection);
    assert_eq!(spooled(&stage).len(), 1);
    stage.sidecar.start().await;
    assert_eq!(spooled(&stage).len(), 0);
    assert!(gateway.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_take_a_quarter_of_the_volume_and_no_more() {
    let (plan, gateway) = plan(Dialect::Waha).await;
    let stage = plan
        .spec("store.sqlite", json!({"size": "16Mi"}))
        .up()
        .await;
    let large = of_format("mp4", 5 * MIB);
    let files = Files::start(&large).await;
    for message in [file("video", &large), link("video", &files.url("/file"))] {
        let reply = send(&stage, &message).await;
        reply.refused(503, "spool_full");
        assert!(reply.header("retry-after").is_some());
        spool_is_empty(&stage).await;
    }
    // Two that would fit alone.
    gateway.answer([Answer::Held]);
    let half = file("video", &of_format("mp4", 5 * MIB / 2));
    let first = send_async(&stage, &half).await;
    gateway.reached(1).await;
    let second = with(half, "chatId", OTHER_CHAT);
    send(&stage, &second).await.refused(503, "spool_full");
    assert_eq!(spooled(&stage).len(), 1);
    gateway.let_go();
    result_of(&stage, &first).await;
    send(&stage, &second).await.expect(200);
    spool_is_empty(&stage).await;
}
