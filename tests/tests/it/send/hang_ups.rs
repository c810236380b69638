//! Callers who hang up or fall silent: their message is sent once or not at all, and nobody else waits.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use titan_tests::gateway::{Dialect, Posted};
use titan_tests::random::Random;
use titan_tests::stage::{API_KEY, Stage};
use titan_tests::wait::{SOON, until};
use titan_tests::wire::Connection;
use tokio::net::TcpStream;

use super::harness::{
    file, holds_file, of_format, send, send_with, spool_is_empty, spooled, text, up, with,
};

/// How often a caller hangs up.
const HANG_UPS: u64 = 60;

/// As many as are read at once.
const SILENT: usize = 8;

/// Posts a message, and hangs up without reading the answer after `pause`.
async fn hang_up(stage: &Stage, headers: &[(&str, &str)], message: &Value, pause: Duration) {
    let address = stage.sidecar.address();
    let (path, body) = (Stage::path("messages/send"), message.to_string());
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text = format!("{text}\r\n{body}");
    let mut connection = Connection::new(TcpStream::connect(&address).await.unwrap());
    connection.write(text.as_bytes()).await.unwrap();
    tokio::time::sleep(pause).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_anywhere_may_repeat_under_its_key() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let mut random = Random::for_run("hang up", 20_250_115);
    let bytes = of_format("png", 2000);
    for index in 0..HANG_UPS {
        let words = format!("number {index}");
        let message = with(file("image", &bytes), "caption", words.clone());
        let headers = [("idempotency-key", words.as_str())];
        // Anywhere from before it is read to after it was sent.
        let pause = Duration::from_micros(random.within(0..40_000));
        hang_up(&stage, &headers, &message, pause).await;
        let repeated = send_with(&stage, &headers, &message).await;
        assert_eq!(repeated.status, 200, "{words}: {}", repeated.json());
    }
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    let wanted: Vec<_> = (0..HANG_UPS)
        .map(|index| format!("number {index}"))
        .collect();
    assert_eq!(words, wanted);
    assert!(posted.iter().all(|posted| holds_file(&posted.json, &bytes)));
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_fall_silent_hold_up_no_text() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let address = stage.sidecar.address();
        let mut connection = Connection::new(TcpStream::connect(&address).await.unwrap());
        let path = Stage::path("messages/send");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
             content-type: application/json\r\ncontent-length: 9000000\r\n\r\n\
             {{\"base64\":\"AAAA"
        );
        connection.write(head.as_bytes()).await.unwrap();
        silent.push(connection);
    }
    until(SOON, "all are being read", || async {
        spooled(&stage).len() == SILENT
    })
    .await;
    let since = Instant::now();
    send(&stage, &text("hello")).await.expect(200);
    let waited = since.elapsed();
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    // Whoever is silent hears so, once, and gives its room back.
    for mut connection in silent {
        let head = connection.head().await.unwrap().unwrap();
        assert_eq!(head.status(), Some(400), "{head:?}");
    }
    let waited = since.elapsed();
    assert!(waited < Duration::from_secs(50), "{waited:?}");
    spool_is_empty(&stage).await;
    assert_eq!(gateway.posted().len(), 1);
}
