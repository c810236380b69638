//! A scene that can send, and files to send.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::gateway::{Dialect, Gateway, KEY};
use titan_tests::stage::{Plan, Stage};

/// Where a text goes.
pub(super) const CHAT: &str = "4915112345678@s.whatsapp.net";

/// A scene with a gateway to send through.
pub(super) async fn up(dialect: Dialect) -> (Stage, Gateway) {
    let (plan, gateway) = plan(dialect).await;
    (plan.up().await, gateway)
}

/// The plan of [`up`].
pub(super) async fn plan(dialect: Dialect) -> (Plan, Gateway) {
    let gateway = Gateway::start(dialect).await;
    let mut plan = Plan::usual()
        .await
        .spec("source.gateway.send", gateway.send_api());
    plan.more.push(Gateway::secret(KEY));
    (plan, gateway)
}

/// A text.
pub(super) fn text(words: &str) -> Value {
    json!({"chatId": CHAT, "type": "text", "text": words})
}

/// A file of `type_`, as base64.
pub(super) fn file(type_: &str, bytes: &[u8]) -> Value {
    json!({"chatId": CHAT, "type": type_, "base64": STANDARD.encode(bytes)})
}

/// Posts a message to send.
pub(super) async fn send(stage: &Stage, message: &Value) -> Reply {
    stage
        .api
        .post_json(&Stage::path("messages/send"), message)
        .await
}

/// A file that begins as its format does; `length` bytes.
pub(super) fn of_format(format: &str, length: usize) -> Vec<u8> {
    let head: &[u8] = match format {
        "jpeg" => b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        "png" => b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "webp" => b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        "mp4" => b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        "ogg" => b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13OpusHead",
        "mp3" => b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00",
        "pdf" => b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        other => panic!("no format {other}"),
    };
    let mut bytes = head.to_vec();
    let filler = (0_u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    bytes.extend(filler.take(length.saturating_sub(head.len())));
    bytes
}
