//! Through a proxy, and never around it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use titan_relay::Relay;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::{program::Program, sidecar::Sidecar, stage::PHONE};

/// What the proxies want: `user` and `p@ss:word`, as HTTP and as SOCKS say it.
const BASIC: &str = "Basic dXNlcjpwQHNzOndvcmQ=";
const LOGIN: &str = "user:p%40ss%3Aword";

/// A small proxy for HTTP and SOCKS5.
struct Proxy {
    port: u16,
    tunnels: Arc<AtomicUsize>,
    listener: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tunnels);
        let listener = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(client, Arc::clone(&count)));
            }
        });
        Self {
            port,
            tunnels,
            listener: listener.abort_handle(),
        }
    }

    fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }
}

async fn serve(mut client: TcpStream, tunnels: Arc<AtomicUsize>) {
    let mut first = [0];
    client.peek(&mut first).await.unwrap();
    let target = if first == [5] {
        socks(&mut client).await
    } else {
        connect(&mut client).await
    };
    let Some(target) = target else { return };
    tunnels.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(target).await.unwrap();
    // Either side may hang up.
    let _ended = copy_bidirectional(&mut client, &mut server).await;
}

async fn connect(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    if !head.contains(BASIC) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refusal).await.unwrap();
        return None;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    Some(target.to_owned())
}

async fn socks(client: &mut TcpStream) -> Option<String> {
    let mut methods = [0; 2];
    client.read_exact(&mut methods).await.ok()?;
    let mut offered = vec![0; methods[1].into()];
    client.read_exact(&mut offered).await.ok()?;
    assert!(offered.contains(&2), "{offered:?}");
    client.write_all(&[5, 2]).await.unwrap();
    let login = b"\x01\x04user\x09p@ss:word";
    let mut said = vec![0; login.len()];
    client.read_exact(&mut said).await.ok()?;
    assert_eq!(said, login);
    client.write_all(&[1, 0]).await.unwrap();
    // CONNECT to an IPv4 address.
    let mut request = [0; 10];
    client.read_exact(&mut request).await.ok()?;
    assert_eq!(request[..4], [5, 1, 0, 1]);
    client
        .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let [.., a, b, c, d, high, low] = request;
    let port = u16::from_be_bytes([high, low]);
    Some(format!("{a}.{b}.{c}.{d}:{port}"))
}

/// A program whose proxy's URL is in a file.
async fn start(url: &str) -> (Relay, Sidecar, Program, tempfile::TempDir) {
    let relay = Relay::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(directory.path());
    let file = directory.path().join("proxy");
    std::fs::write(&file, url).unwrap();
    let file = ["--proxy-url-file", file.to_str().unwrap()];
    let program = Program::start_with(directory.path(), &relay.url(), &file);
    (relay, sidecar, program, directory)
}

/// Waits until the program logged words.
async fn logged(program: &Program, words: &str) {
    for _ in 0..600 {
        if program.log().contains(words) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{words}: in vain; {}", program.log());
}

#[tokio::test]
async fn every_connection_goes_through_the_proxy() {
    for scheme in ["http", "socks5"] {
        let proxy = Proxy::start().await;
        let url = format!("{scheme}://{LOGIN}@127.0.0.1:{}\n", proxy.port);
        let (relay, sidecar, program, _directory) = start(&url).await;
        let code = sidecar.event(|event| event["type"] == "qr").await;
        relay.scan(PHONE, code["code"].as_str().unwrap()).unwrap();
        sidecar.status("CONNECTED", None).await;
        relay.listening(PHONE).await;
        assert_eq!(proxy.tunnels(), 2, "{scheme}: to be linked, and to log in");
        let log = program.kill().await;
        for secret in ["word", "p%40ss", "p@ss", "dXNlc", &proxy.port.to_string()] {
            assert!(!log.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_named_is_not_gone_around() {
    let proxy = Proxy::start().await;
    let wrong = format!("http://user:wrongword@127.0.0.1:{}", proxy.port);
    let (relay, sidecar, program, directory) = start(&wrong).await;
    logged(&program, "the proxy answered 407").await;
    std::fs::write(directory.path().join("proxy"), "no url but a wrongword").unwrap();
    program.post("/start", &serde_json::Value::Null).await;
    logged(&program, "the proxy's URL is none").await;
    assert_eq!((proxy.tunnels(), relay.attempts()), (0, 0));

    // The file is read again at every connection.
    let right = format!("http://{LOGIN}@127.0.0.1:{}", proxy.port);
    std::fs::write(directory.path().join("proxy"), right).unwrap();
    program.post("/start", &serde_json::Value::Null).await;
    sidecar.event(|event| event["type"] == "qr").await;
    let log = program.kill().await;
    assert!(!log.contains("wrongword"), "{log}");
}
