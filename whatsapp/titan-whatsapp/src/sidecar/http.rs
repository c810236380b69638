//! One POST over the sidecar's Unix socket at a time, each on a connection of its own: the sidecar may restart whenever it
//! likes.

use std::{io, path::PathBuf, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time::timeout};

/// How long the sidecar may take to write to its disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call that was not answered with success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SidecarError {
    /// Nobody listens.
    #[error("the sidecar can't be reached")]
    Connect(#[source] io::Error),
    /// The connection broke.
    #[error("the sidecar's answer did not come")]
    Exchange(#[source] hyper::Error),
    /// No answer in time.
    #[error("the sidecar took too long")]
    Timeout,
    /// Another answer than 2xx.
    #[error("the sidecar answered {0}")]
    Refused(StatusCode),
}

/// The sidecar.
#[derive(Debug, Clone)]
pub(crate) struct Sidecar {
    socket: PathBuf,
}

impl Sidecar {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Posts JSON; `Ok` only for 2xx.
    pub(crate) async fn post(&self, path: &'static str, body: Bytes) -> Result<(), SidecarError> {
        timeout(PATIENCE, self.exchange(path, body))
            .await
            .unwrap_or(Err(SidecarError::Timeout))
    }

    async fn exchange(&self, path: &'static str, body: Bytes) -> Result<(), SidecarError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(SidecarError::Connect)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(SidecarError::Exchange)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(path);
        let headers = request.headers_mut();
        headers.insert(header::HOST, header::HeaderValue::from_static("sidecar"));
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        // The connection does its work as long as the answer is waited for.
        let (answer, _ended) = tokio::join!(
            async {
                let answer = sender.send_request(request).await;
                drop(sender);
                answer.map(|answer| answer.status())
            },
            connection
        );
        let status = answer.map_err(SidecarError::Exchange)?;
        if status.is_success() {
            Ok(())
        } else {
            Err(SidecarError::Refused(status))
        }
    }
}
