//! How much is taken, and that no more is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use titan_tests::gateway::Dialect;
use titan_tests::stage::{API_KEY, Stage};
use titan_tests::wire::{Connection, Head};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::harness::{file, of_format, send, spool_is_empty, text, up, with};

const MIB: u64 = 1 << 20;

/// The head of a request whose body is announced by `framing`.
fn head(framing: &str) -> String {
    let path = Stage::path("messages/send");
    format!(
        "POST {path} HTTP/1.1\r\nhost: titan\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: application/json\r\n{framing}\r\n\r\n"
    )
}

async fn answer(connection: &mut Connection) -> (Head, serde_json::Value) {
    let head = connection.head().await.unwrap().unwrap();
    let mut body = Vec::new();
    let length = head.content_length().unwrap();
    connection
        .body(length, |piece| body.extend_from_slice(piece))
        .await;
    (head, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_declared_too_large_is_413_before_a_byte_of_it() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    let mut connection = Connection::new(stream);
    let head = head(&format!("content-length: {}", 71 * MIB + 1));
    connection.write(head.as_bytes()).await.unwrap();
    let (head, json) = answer(&mut connection).await;
    assert_eq!(
        (head.status(), &json["code"]),
        (Some(413), &json!("too_large"))
    );
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_without_an_end_is_413_and_not_read_on() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
    let (from, mut to) = stream.into_split();
    let taken = Arc::new(AtomicU64::new(0));
    let count = taken.clone();
    let posting = tokio::spawn(async move {
        let head = head("transfer-encoding: chunked");
        to.write_all(head.as_bytes()).await.unwrap();
        let chunk = |bytes: &[u8]| {
            let length = format!("{:x}\r\n", bytes.len());
            [length.as_bytes(), bytes, b"\r\n"].concat()
        };
        let start = chunk(b"{\"chatId\":\"4915112345678@s.whatsapp.net\",\"base64\":\"");
        to.write_all(&start).await.unwrap();
        let piece = vec![b'A'; 64 * 1024];
        while to.write_all(&chunk(&piece)).await.is_ok() {
            count.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        to
    });
    let (head, json) = first_answer(from).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(
        (&json["code"], &json["pointer"]),
        (&json!("too_large"), &json!("/base64"))
    );
    posting.abort();
    // 70 MiB, what is dropped so that the caller sees the answer, and what lies in sockets.
    let taken = taken.load(Ordering::Relaxed);
    assert!((70 * MIB..150 * MIB).contains(&taken), "{taken}");
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

/// Start line and body of the answer on half a socket.
async fn first_answer(mut from: tokio::net::tcp::OwnedReadHalf) -> (String, serde_json::Value) {
    use tokio::io::AsyncReadExt;
    let mut text = Vec::new();
    loop {
        let end = text.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end
            && let Ok(json) = serde_json::from_slice(&text[end + 4..])
        {
            return (String::from_utf8_lossy(&text[..end]).into_owned(), json);
        }
        assert_ne!(from.read_buf(&mut text).await.unwrap(), 0, "no answer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_has_at_most_64_kib() {
    let (stage, gateway) = up(Dialect::Evolution).await;
    let longest = "ü".repeat(32 * 1024);
    send(&stage, &text(&longest)).await.expect(200);
    assert_eq!(gateway.posted()[0].words(), longest);
    let reply = send(&stage, &text(&format!("{longest}."))).await;
    reply.refused(400, "invalid_field");
    assert_eq!(reply.json()["pointer"], "/text");
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_has_at_most_256_mentions() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let mentioning = |count: u64| {
        let users: Vec<_> = (0..count).map(|n| 4_915_100_000_000 + n).collect();
        let words: Vec<_> = users.iter().map(|user| format!("@{user}")).collect();
        let jids: Vec<_> = users
            .iter()
            .map(|user| format!("{user}@s.whatsapp.net"))
            .collect();
        with(text(&words.join(" ")), "mentions", jids)
    };
    send(&stage, &mentioning(256)).await.expect(200);
    assert_eq!(
        gateway.posted()[0].json["mentions"]
            .as_array()
            .unwrap()
            .len(),
        256
    );
    let reply = send(&stage, &mentioning(257)).await;
    reply.refused(400, "invalid_field");
    assert_eq!(reply.json()["pointer"], "/mentions");
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_may_stand_behind_the_file() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let mut message = file("image", &of_format("png", 100_000));
    let encoded = message["base64"].take();
    let body = format!(
        "{{\"base64\": {encoded}, \"caption\": \"behind\", \"type\": \"image\", \"chatId\": {}}}",
        message["chatId"]
    );
    let headers = [("content-type", "application/json")];
    let path = Stage::path("messages/send");
    stage
        .api
        .call("POST", &path, &headers, body)
        .await
        .expect(200);
    assert_eq!(gateway.posted()[0].words(), "behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_asks_first_is_invited_unless_it_is_too_large() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let body = file("image", &of_format("png", 100_000)).to_string();
    for (length, status) in [(body.len() as u64, 100), (71 * MIB + 1, 413)] {
        let stream = TcpStream::connect(stage.sidecar.address()).await.unwrap();
        let mut connection = Connection::new(stream);
        let head = head(&format!("content-length: {length}\r\nexpect: 100-continue"));
        connection.write(head.as_bytes()).await.unwrap();
        let first = connection.head().await.unwrap().unwrap();
        assert_eq!(first.status(), Some(status), "{first:?}");
        if status == 100 {
            connection.write(body.as_bytes()).await.unwrap();
            let (head, _) = answer(&mut connection).await;
            assert_eq!(head.status(), Some(200));
        }
    }
    assert_eq!(gateway.posted().len(), 1);
}
