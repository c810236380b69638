//! A caller's own socket: every byte that the product lets out is counted where it arrives.

use std::fmt::Write as _;

use tokio::net::TcpStream;

use crate::wire::{Connection, Head};

/// What arrived at a caller's socket before it was closed or complete.
#[derive(Debug)]
pub struct Received {
    /// The head; `None` where the connection ended before one.
    pub head: Option<Head>,
    /// The body bytes, exactly as they came.
    pub body: Vec<u8>,
}

// === impl Received ===

impl Received {
    /// Status of the answer; 0 where there was none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.as_ref().and_then(Head::status).unwrap_or(0)
    }

    /// Whether a client would take this for a complete, successful answer.
    #[must_use]
    pub fn complete_success(&self) -> bool {
        let Some(head) = &self.head else { return false };
        let complete = match head.content_length() {
            Some(length) => self.body.len() as u64 >= length,
            None if head.header("transfer-encoding").is_some() => self.body.ends_with(b"0\r\n\r\n"),
            // A body that ends with the connection counts as complete for every client.
            None => true,
        };
        matches!(head.status(), Some(200..=299)) && complete
    }
}

/// Sends one request to `address` and reads the socket until the answer is complete or cut.
pub async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Received {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut connection = Connection::new(stream);
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("content-length: 0\r\nconnection: close\r\n\r\n");
    connection.write(text.as_bytes()).await.unwrap();
    let head = connection.head().await.ok().flatten();
    let mut body = Vec::new();
    // One byte more than promised: a surplus must be seen, not hidden.
    if let Some(head) = &head {
        let limit = head.content_length().map_or(u64::MAX, |length| length + 1);
        connection
            .body(limit, |piece| body.extend_from_slice(piece))
            .await;
    }
    Received { head, body }
}
