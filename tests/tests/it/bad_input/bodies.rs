//! What a gateway may post wrongly, at both of its doors: refused whole, with the place.

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::stage::Plan;
use titan_tests::wait::SOON;

use super::table::ROWS;
use super::{Scene, refused};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PROTOBUF: &str = "application/x-protobuf";

/// Largest body, bytes.
const LIMIT: usize = 8 * 1024 * 1024;

/// A body and what is said of it.
struct Case {
    name: &'static str,
    query: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    /// Start of the JSON pointer.
    pointer: Option<&'static str>,
}

fn case(name: &'static str, body: impl Into<Vec<u8>>, code: &'static str) -> Case {
    Case {
        name,
        query: "",
        content_type: JSON,
        body: body.into(),
        status: 400,
        code,
        pointer: None,
    }
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// A good message beside a bad one: the good half of a refused request is not taken.
fn beside(bad: Value) -> Vec<u8> {
    let good = baileys::message("3EB0GOODHALF", baileys::text("a"));
    text(&baileys::upsert(&[good, bad]))
}

fn without(field: &str) -> Value {
    let mut message = baileys::message("x", baileys::text("b"));
    message["key"].as_object_mut().unwrap().remove(field);
    message
}

fn with(field: &str, value: Value) -> Value {
    let mut message = baileys::message("x", baileys::text("b"));
    message["key"][field] = value;
    message
}

fn cases() -> Vec<Case> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let at = |pointer, case| Case {
        pointer: Some(pointer),
        ..case
    };
    let of = |content_type, case| Case {
        content_type,
        ..case
    };
    let too_large = |name, length| Case {
        status: 413,
        ..case(name, vec![b' '; length], "body_too_large")
    };
    vec![
        case("nothing", "", "malformed_json"),
        case("half of it", "{\"messages\":", "malformed_json"),
        case("no JSON", "messages", "malformed_json"),
        case("no UTF-8", b"{\"a\": \"\xff\"}".to_vec(), "malformed_json"),
        case("two documents", "{} {}", "malformed_json"),
        case("a depth bomb", deep, "unknown_shape"),
        case("a shape of nobody", "{\"hello\": 1}", "unknown_shape"),
        case("numbers", "[1, 2]", "unknown_shape"),
        case("a string", "\"messages.upsert\"", "unknown_shape"),
        at(
            "/messages/1",
            case("no id", beside(without("id")), "missing_id"),
        ),
        at(
            "/messages/1",
            case("an empty id", beside(with("id", json!(""))), "missing_id"),
        ),
        at(
            "/messages/1",
            case("no chat", beside(without("remoteJid")), "missing_chat"),
        ),
        of(
            PROTOBUF,
            case(
                "no protobuf",
                b"\xff\xff\xff\xff".to_vec(),
                "malformed_protobuf",
            ),
        ),
        Case {
            query: "?format=protobuf-message&chat=5511999999999@s.whatsapp.net",
            ..of(
                PROTOBUF,
                case(
                    "a bare message without an id",
                    b"\x0a\x01x".to_vec(),
                    "missing_id",
                ),
            )
        },
        at(
            "/jsonData",
            of(
                FORM,
                case("a form without the event", "a=1", "unknown_shape"),
            ),
        ),
        of(
            "multipart/form-data",
            case("parts without a boundary", "--x", "malformed_form"),
        ),
        of(
            "multipart/form-data; boundary=x",
            case(
                "half a part",
                "--x
",
                "malformed_form",
            ),
        ),
        Case {
            status: 415,
            ..of(
                "image/png",
                case("a picture", b"\x89PNG".to_vec(), "unsupported_media_type"),
            )
        },
        too_large("one byte more than 8 MiB", LIMIT + 1),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused_whole_at_both_doors() {
    let scene = Scene::up(Plan::usual().await).await;
    let before = scene.state().await;
    for row in ROWS.iter().filter(|row| row.takes_messages()) {
        for case in cases() {
            let path = scene.path_of(row.path(), case.query);
            let headers = [("content-type", case.content_type)];
            let api = &scene.stage.api;
            let reply = api.call("POST", &path, &headers, &case.body).await;
            refused(row, &reply, case.status, case.code, case.name);
            let json = reply.json();
            let found = json["pointer"].as_str();
            if let Some(pointer) = case.pointer {
                let there = found.is_some_and(|found| found.starts_with(pointer));
                assert!(there, "{}: {json}", case.name);
            }
        }
    }
    assert_eq!(scene.state().await, before);
    scene
        .stage
        .take("3EB0GOODHALF", baileys::text("taken now, and new"))
        .await;
    let after = scene
        .stage
        .sink
        .wait_for("message.received", "3EB0GOODHALF", SOON);
    after.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_never_announced_is_cut_at_the_limit() {
    let scene = Scene::up(Plan::usual().await).await;
    let before = scene.state().await;
    let path = scene.path_of("/api/sessions/{session}/inbound", "");
    let address = scene.stage.sidecar.address();
    let status = endless(&address, &path).await;
    assert_eq!(status, Some(413));
    assert_eq!(scene.state().await, before);
}

/// Posts chunks until there is an answer; returns its status.
async fn endless(address: &str, path: &str) -> Option<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let key = titan_tests::stage::API_KEY;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: titan\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    to.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let posting = tokio::spawn(async move { while to.write_all(&chunk).await.is_ok() {} });
    let mut answer = vec![0; 64];
    let read = from.read(&mut answer).await.unwrap_or(0);
    posting.abort();
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    text.split(' ').nth(1)?.parse().ok()
}

/// A node within a node, a hundred thousand deep.
fn bottomless() -> String {
    let node = "{\"ephemeralMessage\":{\"message\":".repeat(50_000);
    let key = "{\"remoteJid\": \"5511999999999@s.whatsapp.net\", \"id\": \"3EB0BOMB\"}";
    let ends = "}}".repeat(50_000);
    format!("{{\"messages\":[{{\"key\":{key},\"message\":{node}{{}}{ends}}}]}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_senders_depth_bomb_is_announced_and_fetches_nothing() {
    let scene = Scene::up(Plan::usual().await).await;
    let stage = &scene.stage;
    let path = scene.path_of("/api/sessions/{session}/inbound", "");
    let headers = [("content-type", JSON)];
    let reply = stage.api.call("POST", &path, &headers, bottomless()).await;
    assert_eq!(reply.expect(202).data()["accepted"], 1);
    let event = stage.sink.wait_for("message.received", "3EB0BOMB", SOON);
    let payload = event.await.json["payload"].take();
    assert_eq!(payload["mediaError"]["code"], "media_invalid", "{payload}");
    assert!(stage.cdn.all_hits().is_empty());
}
