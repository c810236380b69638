//! A proxy in front of a real store that refuses one request header, as stores do that do not know it.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Connection, Head, Server};

/// One PUT as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Path without query.
    pub path: String,
    /// Whether it carried the header, and so was refused.
    pub refused: bool,
}

/// The proxy. Stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    puts: Arc<Mutex<Vec<Put>>>,
}

// === impl Proxy ===

impl Proxy {
    /// Passes everything on to `store` but PUTs that carry `header` (lower case).
    pub async fn refusing(header: &'static str, store: SocketAddr) -> Self {
        let puts = Arc::new(Mutex::new(Vec::new()));
        let seen = puts.clone();
        let server =
            Server::start(move |connection| serve(connection, header, store, seen.clone())).await;
        Self { server, puts }
    }

    /// The endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Every PUT so far, whose path ends in `name`.
    #[must_use]
    pub fn puts_of(&self, name: &str) -> Vec<Put> {
        let puts = self.puts.lock().unwrap();
        let of = |put: &&Put| put.path.ends_with(name);
        puts.iter().filter(of).cloned().collect()
    }
}

async fn serve(
    mut connection: Connection,
    header: &'static str,
    store: SocketAddr,
    puts: Arc<Mutex<Vec<Put>>>,
) -> io::Result<()> {
    let Some(head) = connection.head().await? else {
        return Ok(());
    };
    let refused = head.method() == "PUT" && head.header(header).is_some();
    if head.method() == "PUT" {
        let path = head.target().split('?').next().unwrap_or_default();
        let path = path.to_owned();
        puts.lock().unwrap().push(Put { path, refused });
    }
    let body = connection.whole_body(&head).await?;
    if refused {
        return refuse(&mut connection, header).await;
    }
    let answer = pass_on(&head, &body, store).await?;
    connection.write(&answer).await
}

/// In Amazon's words for a header of a feature that is not there.
async fn refuse(connection: &mut Connection, header: &str) -> io::Result<()> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NotImplemented</Code><Message>A header \
         you provided implies functionality that is not implemented: {header}</Message></Error>"
    );
    let headers = [("content-type", "application/xml"), ("connection", "close")];
    connection.answer(501, &headers, body.as_bytes()).await
}

/// The store's whole answer, as it came over the socket.
async fn pass_on(head: &Head, body: &[u8], store: SocketAddr) -> io::Result<Vec<u8>> {
    let mut request = format!("{}\r\n", head.start);
    for (name, value) in &head.headers {
        if !matches!(name.as_str(), "connection" | "expect") {
            let _ = write!(request, "{name}: {value}\r\n");
        }
    }
    request.push_str("connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(store).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
