//! HTTP/1.1 by hand, on the socket: the fakes count every byte and break exactly where they are told.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest request head that a fake takes.
const MAX_HEAD: usize = 64 * 1024;

/// A free port of loopback.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Start line and headers of a request or a response.
#[derive(Debug, Clone)]
pub struct Head {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// Headers in the order sent; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first value of `name` (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Method of a request.
    #[must_use]
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path and query of a request.
    #[must_use]
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Status of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    /// `Content-Length`, where given.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Whether the peer wants no further answer on this connection.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { start, headers }
    }
}

/// One socket and what was read from it too early.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

// === impl Connection ===

impl Connection {
    /// Takes over a socket.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            buffer: BytesMut::with_capacity(16 * 1024),
        }
    }

    /// The next head, or `None` when the peer has closed.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head = Head::parse(&String::from_utf8_lossy(&self.buffer[..end]));
                self.buffer.advance(end + 4);
                return Ok(Some(head));
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(io::Error::other("head too long"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads up to `limit` body bytes, handing each piece to `take`. Returns how many came: fewer
    /// than `limit` when the peer closed, reset or broke off.
    pub async fn body(&mut self, limit: u64, mut take: impl FnMut(&[u8])) -> u64 {
        let mut count = 0;
        loop {
            let wanted = usize::try_from(limit - count).unwrap_or(usize::MAX);
            let now = wanted.min(self.buffer.len());
            take(&self.buffer[..now]);
            self.buffer.advance(now);
            count += now as u64;
            if count == limit {
                return count;
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return count,
                Ok(_) => {}
            }
        }
    }

    /// The whole body of a request that declares its length.
    pub async fn whole_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let length = head.content_length().unwrap_or(0);
        if head.header("expect").is_some() {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut body = Vec::new();
        if self
            .body(length, |piece| body.extend_from_slice(piece))
            .await
            < length
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }

    /// Writes raw bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Writes a complete answer with `Content-Length`.
    pub async fn answer(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let length = body.len().to_string();
        let mut all = headers.to_vec();
        all.push(("content-length", &length));
        self.write(&response_head(status, &all)).await?;
        self.write(body).await
    }

    /// Makes the close a TCP reset instead of an orderly end.
    pub fn reset_on_close(&self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Waits until the peer closes.
    pub async fn closed(&mut self) {
        let mut scrap = [0; 1024];
        while !matches!(self.stream.read(&mut scrap).await, Ok(0) | Err(_)) {}
    }
}

/// The bytes of a response head.
#[must_use]
pub fn response_head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A listener whose connections are served until this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    accept: JoinHandle<()>,
}

// === impl Server ===

impl Server {
    /// Listens on a free port of loopback and gives each connection to `serve`.
    pub async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::start_at(ANY_PORT, serve).await
    }

    /// [`Self::start`] at an address of one's own.
    pub async fn start_at<F, Fut>(address: SocketAddr, serve: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accept = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Connection::new(stream)));
            }
        });
        Self { address, accept }
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accept.abort();
    }
}
