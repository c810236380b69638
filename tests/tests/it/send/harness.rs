//! A scene that can send, files to send, and what came of them.

use std::fs;
use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::gateway::{Dialect, Gateway, KEY};
use titan_tests::sink::Delivery;
use titan_tests::stage::{Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, eventually, until};

/// Where a text goes.
pub(super) const CHAT: &str = "4915112345678@s.whatsapp.net";

/// Another chat.
pub(super) const OTHER_CHAT: &str = "4915187654321@s.whatsapp.net";

/// Nobody waits for the answer.
pub(super) const ASYNC: (&str, &str) = ("prefer", "respond-async");

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
pub(crate) fn file(type_: &str, bytes: &[u8]) -> Value {
    json!({"chatId": CHAT, "type": type_, "base64": STANDARD.encode(bytes)})
}

/// A file of `type_` behind a link.
pub(super) fn link(type_: &str, url: &str) -> Value {
    json!({"chatId": CHAT, "type": type_, "url": url})
}

/// The same message with another member.
pub(super) fn with(mut message: Value, name: &str, value: impl Into<Value>) -> Value {
    message[name] = value.into();
    message
}

/// Posts a message to send.
pub(crate) async fn send(stage: &Stage, message: &Value) -> Reply {
    send_with(stage, &[], message).await
}

/// [`send`] with headers of its own.
pub(super) async fn send_with(stage: &Stage, headers: &[(&str, &str)], message: &Value) -> Reply {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    let body = serde_json::to_vec(message).unwrap();
    let path = Stage::path("messages/send");
    stage.api.call("POST", &path, &all, body).await
}

/// [`send`] without waiting; the correlation id.
pub(super) async fn send_async(stage: &Stage, message: &Value) -> String {
    let reply = send_with(stage, &[ASYNC], message).await.expect(202);
    assert_eq!(reply.header("preference-applied"), Some("respond-async"));
    reply.data()["correlationId"].as_str().unwrap().to_owned()
}

/// The `command.result` of a correlation id.
pub(super) async fn result_of(stage: &Stage, id: &str) -> Delivery {
    let what = format!("command.result of {id}");
    eventually(LATER, what, || async { results(stage, id).pop() }).await
}

/// Every `command.result` of a correlation id so far.
pub(super) fn results(stage: &Stage, id: &str) -> Vec<Delivery> {
    let mut all = stage.sink.deliveries();
    all.retain(|told| {
        told.event() == "command.result" && told.json["payload"]["correlationId"] == id
    });
    all
}

/// Waits until no event is on its way.
pub(super) async fn all_is_told(stage: &Stage) {
    until(SOON, "all is told", || async {
        stage.report().await["queue"]["deliveries_pending"] == 0
    })
    .await;
}

/// What lies in the session's spool.
pub(super) fn spooled(stage: &Stage) -> Vec<PathBuf> {
    let data = stage.sidecar.launch().data();
    let spool = data.join(TENANT).join(SESSION).join("spool");
    let files = fs::read_dir(spool).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// Waits until nothing lies in the spool.
pub(super) async fn spool_is_empty(stage: &Stage) {
    until(SOON, "the spool is empty", || async {
        spooled(stage).is_empty()
    })
    .await;
}

/// Whether a string in `json` is the base64 of `bytes`, a data URL's start left off.
pub(super) fn holds_file(json: &Value, bytes: &[u8]) -> bool {
    let wanted = STANDARD.encode(bytes);
    match json {
        Value::String(text) => {
            text.rsplit_once(',')
                .map_or(text.as_str(), |(_, data)| data)
                == wanted
        }
        Value::Array(items) => items.iter().any(|item| holds_file(item, bytes)),
        Value::Object(members) => members.values().any(|member| holds_file(member, bytes)),
        _ => false,
    }
}

/// A file that begins as its format does; `length` bytes.
pub(crate) fn of_format(format: &str, length: usize) -> Vec<u8> {
    let head: &[u8] = match format {
        "jpeg" => b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        "png" => b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "gif" => b"GIF89a\x01\x00\x01\x00\x80\x00\x00",
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
