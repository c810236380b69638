//! A web server with one file, ways that lead to it, and ways that lead nowhere.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use titan_tests::wire::{ANY_PORT, Connection, Head, Server, response_head};

/// Bytes in 50 MiB.
pub(super) const MOST: u64 = 50 << 20;

/// The server. Stops when dropped.
pub(super) struct Files {
    server: Server,
    asked: Arc<Mutex<Vec<Head>>>,
}

impl Files {
    /// Serves `bytes`.
    pub(super) async fn start(bytes: &[u8]) -> Self {
        Self::start_at(ANY_PORT, bytes).await
    }

    /// [`Self::start`] at an address of one's own.
    pub(super) async fn start_at(address: SocketAddr, bytes: &[u8]) -> Self {
        let (asked, bytes) = (Arc::<Mutex<Vec<Head>>>::default(), bytes.to_vec());
        let shared = asked.clone();
        let server = Server::start_at(address, move |connection| {
            serve(connection, shared.clone(), bytes.clone())
        });
        Self {
            server: server.await,
            asked,
        }
    }

    /// A URL of it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// What was asked for so far.
    pub(super) fn asked(&self) -> Vec<Head> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: Connection,
    asked: Arc<Mutex<Vec<Head>>>,
    bytes: Vec<u8>,
) -> io::Result<()> {
    while let Some(head) = connection.head().await? {
        asked.lock().unwrap().push(head.clone());
        let target = head.target();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path.trim_start_matches('/').split_once('/') {
            // Another type and name than the file's own.
            None if path == "/file" => {
                let headers = [("content-type", "text/html")];
                connection.answer(200, &headers, &bytes).await?;
            }
            None if path == "/to" => {
                let headers = [("location", query)];
                connection.answer(307, &headers, b"moved").await?;
            }
            None if path == "/declared" => {
                let length = (MOST + 1).to_string();
                let head = response_head(200, &[("content-length", &length)]);
                connection.write(&head).await?;
                connection.closed().await;
                return Ok(());
            }
            None if path == "/endless" => return endless(&mut connection).await,
            None if path == "/broken" => {
                let length = (bytes.len() + 1).to_string();
                let head = response_head(200, &[("content-length", &length)]);
                connection.write(&head).await?;
                return connection.write(&bytes).await;
            }
            None if path == "/cut" => {
                chunked(&mut connection).await?;
                return chunk(&mut connection, &bytes).await;
            }
            Some(("hops", "0")) => connection.answer(200, &[], &bytes).await?,
            Some(("hops", left)) => {
                let next = format!("/hops/{}", left.parse::<u32>().unwrap() - 1);
                connection.answer(302, &[("location", &next)], b"").await?;
            }
            Some(("status", status)) => {
                let status = status.parse().unwrap();
                connection.answer(status, &[], b"not here").await?;
            }
            _ => connection.answer(404, &[], b"").await?,
        }
    }
    Ok(())
}

async fn endless(connection: &mut Connection) -> io::Result<()> {
    chunked(connection).await?;
    let piece = vec![b'x'; 64 * 1024];
    loop {
        chunk(connection, &piece).await?;
    }
}

async fn chunked(connection: &mut Connection) -> io::Result<()> {
    let head = response_head(200, &[("transfer-encoding", "chunked")]);
    connection.write(&head).await
}

async fn chunk(connection: &mut Connection, bytes: &[u8]) -> io::Result<()> {
    let length = format!("{:x}\r\n", bytes.len());
    connection.write(length.as_bytes()).await?;
    connection.write(bytes).await?;
    connection.write(b"\r\n").await
}
