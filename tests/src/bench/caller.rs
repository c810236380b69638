//! One keep-alive connection to the sidecar that costs its own process as little as it can.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{API_KEY, Stage};

/// A gateway's connection.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    request: Vec<u8>,
    answer: BytesMut,
}

// === impl Caller ===

impl Caller {
    /// Connects to `address` (`host:port`).
    pub async fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            answer: BytesMut::with_capacity(4096),
        })
    }

    /// Posts `body` to the usual session's `/inbound`; returns the status once the answer is whole.
    pub async fn inbound(&mut self, body: &[u8]) -> io::Result<u16> {
        let path = Stage::path("inbound");
        let length = body.len();
        self.request.clear();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: titan\r\nauthorization: Bearer {API_KEY}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        self.status().await
    }

    async fn status(&mut self) -> io::Result<u16> {
        loop {
            if let Some((status, size)) = whole_answer(&self.answer) {
                self.answer.advance(size);
                return Ok(status);
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Status and size of the answer at the start of `bytes`, once all of it is there.
fn whole_answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    (bytes.len() >= end + length).then_some((status, end + length))
}
