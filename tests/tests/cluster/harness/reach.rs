//! How this process gets to a Service: its cluster address where it is in the cluster's network, a
//! `kubectl port-forward` where the cluster is the user's own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use titan_tests::api::CONNECT_TIMEOUT;
use tokio::net::TcpStream;

use super::kube::{Kube, retry, wait_until};
use super::object::Object;

/// Base URL of a Service's port, once something answers there: endpoints are ready before every proxy of
/// Services knows of them. It is good as long as the pod behind it.
pub(crate) async fn reach(kube: &Kube, namespace: &str, service: &str, port: u16) -> String {
    let object = Object::new("Service", namespace, service);
    let found = kube
        .wait(
            Duration::from_secs(30),
            &object,
            "it has an address",
            |service| service["spec"]["clusterIP"].is_string(),
        )
        .await;
    if std::env::var_os("TITAN_INSIDE").is_some() {
        let address = format!("{}:{port}", text(&found["spec"]["clusterIP"]));
        wait_until(Duration::from_mins(1), "the Service answers", async || {
            let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&address));
            connecting.await.is_ok_and(|connected| connected.is_ok())
        })
        .await;
        return format!("http://{address}");
    }
    let (namespace, service) = (namespace.to_owned(), service.to_owned());
    retry(Duration::from_secs(30), "a port is forwarded", async || {
        forward(&namespace, &service, port)
    })
    .await
}

/// Starts a port-forward that ends with this process: its shell waits for the end of a pipe.
fn forward(namespace: &str, service: &str, port: u16) -> Option<String> {
    // With the ends of their pipes: one that can't print ends.
    static RUNNING: Mutex<Vec<(Child, BufReader<ChildStdout>)>> = Mutex::new(Vec::new());
    let script = "kubectl port-forward -n \"$0\" \"service/$1\" \":$2\" & read -r _; kill $!";
    let mut child = Command::new("sh")
        .args(["-c", script, namespace, service, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = out.read_line(&mut line);
    RUNNING.lock().unwrap().push((child, out));
    read.ok()?;
    // Forwarding from 127.0.0.1:40001 -> 8080
    let address = line.strip_prefix("Forwarding from ")?.split(' ').next()?;
    Some(format!("http://{address}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
