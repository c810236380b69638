//! The program as a process.

use std::{path::Path, process::Stdio, sync::Arc, sync::Mutex};

use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
};

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    socket: std::path::PathBuf,
    log: Arc<Mutex<String>>,
}

impl Program {
    /// Starts the build that the tests belong to, which believes any server.
    pub(crate) fn start(directory: &Path, url: &str) -> Self {
        Self::start_with(directory, url, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(directory: &Path, url: &str, more: &[&str]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_titan-whatsapp"));
        Self::spawn(program, directory, url, more)
    }

    /// Starts another build.
    pub(crate) fn start_as(program: &Path, directory: &Path, url: &str) -> Self {
        Self::spawn(program, directory, url, &[])
    }

    fn spawn(program: &Path, directory: &Path, url: &str, more: &[&str]) -> Self {
        let mut child = Command::new(program)
            .arg("run")
            .arg("--socket-dir")
            .arg(directory)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .args(["--endpoint", url])
            .args(more)
            .env("RUST_LOG", "trace")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self {
            child,
            socket: directory.join("whatsapp.sock"),
            log,
        }
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) -> String {
        self.child.kill().await.unwrap();
        self.log()
    }

    /// Ends it as an orchestrator would, and answers how it ended.
    pub(crate) async fn terminate(mut self) -> std::process::ExitStatus {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().await.unwrap()
    }

    /// Asks.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Tells.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, body).await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "whatsapp")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(bytes::Bytes::from(body.to_string())))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}
