//! The server as a program, which tests elsewhere run.

use std::{path::Path, process::Stdio};

use axum::http::{Method, Request, StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};
use waproto::codec::message_to_vec;

use crate::{
    program::Program,
    sidecar::Sidecar,
    stage::{OTHER, PHONE, content, id, text},
};

/// The running server. Dropping it kills it.
struct RelayProgram {
    child: Child,
    url: String,
    control: String,
}

impl RelayProgram {
    async fn start() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_titan-whatsapp")).with_file_name("titan-relay");
        let mut child = Command::new(program)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("build.sh builds titan-relay");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let places: Value = serde_json::from_str(&line).unwrap();
        let place = |name: &str| places[name].as_str().unwrap().to_owned();
        Self {
            child,
            url: place("url"),
            control: place("control").strip_prefix("http://").unwrap().to_owned(),
        }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let stream = TcpStream::connect(&self.control).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "relay")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(bytes::Bytes::from(body.to_string())))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: &Value) {
        let (status, answer) = self.call(Method::POST, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Asks until the answer is as wanted.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let (_, answer) = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{path}: in vain")
    }

    /// Links the program, and waits until others can write to it.
    async fn link(&self, sidecar: &Sidecar) {
        let code = sidecar.event(|event| event["type"] == "qr").await;
        let scan = json!({ "phone": PHONE, "code": code["code"] });
        self.post("/scan", &scan).await;
        sidecar.status("CONNECTED", None).await;
        let phone = format!("/phones/{PHONE}");
        let phone = self.until(&phone, |phone| phone["listening"] == true).await;
        assert_eq!(
            phone,
            json!({"linked": true, "listening": true, "logins": 1, "replaced": 0, "waiting": []})
        );
    }
}

fn message(words: &str) -> String {
    BASE64_STANDARD.encode(message_to_vec(&text(words)))
}

#[tokio::test]
async fn messages_go_both_ways_through_the_server_as_a_program() {
    let relay = RelayProgram::start().await;
    let directory = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(directory.path());
    let program = Program::start(directory.path(), &relay.url);
    relay.link(&sidecar).await;
    relay.post("/peers", &json!({ "phone": OTHER })).await;

    let inbound = json!({"to": PHONE, "id": id(), "message": message("in")});
    relay.post(&format!("/peers/{OTHER}/send"), &inbound).await;
    let taken = sidecar.took(1).await;
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("in"));

    let outbound = json!({
        "id": id(),
        "chat": format!("{OTHER}@s.whatsapp.net"),
        "message": message("out"),
    });
    assert_eq!(program.post("/send", &outbound).await.0, 200);
    let (_, next) = relay.get(&format!("/peers/{OTHER}/next?wait=30")).await;
    assert_eq!(next["id"], outbound["id"]);
    assert_eq!(content(&next).conversation.as_deref(), Some("out"));
    let (nothing, _) = relay.get(&format!("/peers/{OTHER}/next")).await;
    assert_eq!(nothing, 204);

    let group = json!({"name": "120363000000000002", "phones": [PHONE, OTHER]});
    relay.post("/groups", &group).await;
    let to_all = json!({"group": group["name"], "id": id(), "message": message("all")});
    let path = format!("/peers/{OTHER}/send-to-group");
    relay.post(&path, &to_all).await;
    assert_eq!(sidecar.took(2).await[1]["chat"], "120363000000000002@g.us");
}

#[tokio::test]
async fn hosts_and_answers_of_the_phone_are_as_the_test_says() {
    let relay = RelayProgram::start().await;
    let hosts = json!({"hosts": ["127.0.0.1:4433"], "auth": "token", "ttl": 1});
    relay.post("/media-hosts", &hosts).await;
    let directory = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(directory.path());
    let program = Program::start(directory.path(), &relay.url);
    relay.link(&sidecar).await;

    let (_, answer) = program.get("/media-conn").await;
    assert_eq!(
        answer,
        json!({"auth": "token", "ttl": 1, "authTtl": 3600,
            "hosts": [{"hostname": "127.0.0.1:4433", "type": "primary", "fallback": null}]})
    );

    let (file, key) = (id(), BASE64_STANDARD.encode([7; 32]));
    let asked = format!("/asked/{file}");
    assert_eq!(relay.get(&asked).await.1, json!({ "asked": false }));
    let retry = json!({"id": file, "chat": format!("{OTHER}@s.whatsapp.net"), "fromMe": false, "mediaKey": key});
    assert_eq!(program.post("/media-retry", &retry).await.0, 202);
    relay.until(&asked, |answer| answer["asked"] == true).await;
    let answer = json!({"id": file, "mediaKey": key, "directPath": "/v/new"});
    relay.post("/media-retries", &answer).await;
    let event = sidecar.event(|event| event["type"] == "mediaRetry").await;
    assert_eq!(event["directPath"], "/v/new");
}

#[tokio::test]
async fn connections_end_and_logins_are_refused_as_the_test_says() {
    let mut relay = RelayProgram::start().await;
    let directory = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(directory.path());
    let _program = Program::start(directory.path(), &relay.url);
    relay.link(&sidecar).await;
    for (path, request) in [
        ("/refuse", json!({"phone": PHONE, "reason": "outdated"})),
        ("/end", json!({"phone": PHONE, "reason": "dropped"})),
    ] {
        relay.post(path, &request).await;
    }
    sidecar.status("DISCONNECTED", Some("ClientOutdated")).await;
    assert_eq!(relay.get("/attempts").await.1, json!({ "attempts": 2 }));

    for (path, wrong) in [
        ("/scan", json!({"phone": PHONE, "code": "no code"})),
        ("/type", json!({"phone": OTHER, "code": "12345678"})),
    ] {
        assert_eq!(relay.call(Method::POST, path, &wrong).await.0, 400);
    }
    let nobody = format!("/peers/{OTHER}/next");
    assert_eq!(relay.get(&nobody).await.0, 404);

    drop(relay.child.stdin.take());
    assert!(relay.child.wait().await.unwrap().success());
}
