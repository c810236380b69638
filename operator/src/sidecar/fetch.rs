//! One question to one sidecar.

use std::{net::SocketAddr, time::Duration};

use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use titan_crds::report::SidecarStatus;
use tokio::{net::TcpStream, time::timeout};

/// Port of a sidecar's `/status`.
pub const ADMIN_PORT: u16 = 9090;
/// A sidecar that does not answer within this time does not answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// Why a sidecar did not say how it is.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// No connection came up.
    #[error("can't connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke.
    #[error("connection: {0}")]
    Http(#[from] hyper::Error),
    /// The request can't be made.
    #[error("request: {0}")]
    Request(#[from] http::Error),
    /// It answered with another status.
    #[error("answered {0}")]
    Status(http::StatusCode),
    /// The answer is too long, or broke off.
    #[error("answer: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not what it should be.
    #[error("answer: {0}")]
    Json(#[from] serde_json::Error),
}

/// Asks for `/status`.
pub async fn fetch(address: SocketAddr) -> Result<SidecarStatus, FetchError> {
    timeout(TIMEOUT, ask(address))
        .await
        .unwrap_or(Err(FetchError::Timeout))
}

async fn ask(address: SocketAddr) -> Result<SidecarStatus, FetchError> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/status")
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BODY)
            .collect()
            .await
            .map_err(FetchError::Body)?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    // The connection does its work beside the request, and ends with it.
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended?;
            answer.await
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn answering(body: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _read = stream.read(&mut head).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _written = stream.write_all((head + &body).as_bytes()).await;
        });
        address
    }

    #[tokio::test]
    async fn a_status_is_read() {
        let address = answering(r#"{"version":"1","ready":true}"#.to_owned()).await;
        assert!(fetch(address).await.unwrap().ready);
    }

    #[tokio::test]
    async fn an_endless_answer_is_refused() {
        let address = answering("x".repeat(MAX_BODY + 1)).await;
        assert!(matches!(fetch(address).await, Err(FetchError::Body(_))));
    }

    #[tokio::test]
    async fn a_sidecar_that_does_not_answer_takes_two_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let began = tokio::time::Instant::now();
        assert!(matches!(fetch(address).await, Err(FetchError::Timeout)));
        assert!(began.elapsed() < TIMEOUT * 2);
    }
}
