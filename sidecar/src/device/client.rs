//! Calls of the program that holds the device, each on a connection of its own: it may restart whenever
//! it likes.

use std::{path::Path, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{net::UnixStream, time::timeout};

use super::words::{Code, MediaConn, MediaRetry, Status, Taken};

/// How long an answer may take: the program itself waits up to a minute for WhatsApp's.
const PATIENCE: Duration = Duration::from_secs(90);

/// Largest answer, bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// A call without success.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// Nobody listens, or the connection broke.
    #[error("the program that holds the device does not answer")]
    Unreachable,
    /// It answered with an error.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its stable code, such as `not_connected`.
        code: String,
        /// In words.
        message: String,
    },
}

impl CallError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable => "device_unreachable",
            Self::Refused { code, .. } => code,
        }
    }
}

/// The program that holds one device.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    code: String,
}

// === impl Client ===

impl Client {
    /// The one that serves `whatsapp.sock` in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            socket: folder.join("whatsapp.sock"),
        }
    }

    /// How the device is doing.
    ///
    /// # Errors
    ///
    /// [`CallError`], as of every call here.
    pub async fn status(&self) -> Result<Status, CallError> {
        self.call(Method::GET, "/status", None).await
    }

    /// A code for a phone of that number to type.
    ///
    /// # Errors
    ///
    /// `already_linked`, `in_progress`, `refused`, `not_connected`.
    pub async fn pair_code(&self, phone_number: &str) -> Result<Code, CallError> {
        let body = json!({"phoneNumber": phone_number});
        self.call(Method::POST, "/pair/code", Some(body)).await
    }

    /// Connects what is stopped, and at once what waits.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn start(&self) -> Result<Status, CallError> {
        self.call(Method::POST, "/start", None).await
    }

    /// Disconnects until started.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn stop(&self) -> Result<Status, CallError> {
        self.call(Method::POST, "/stop", None).await
    }

    /// Unlinks the device and deletes its keys.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn logout(&self) -> Result<Status, CallError> {
        self.call(Method::POST, "/logout", None).await
    }

    /// What uploads need; `fresh`: what is known was refused.
    ///
    /// # Errors
    ///
    /// `not_connected`, `refused`.
    pub async fn media_conn(&self, fresh: bool) -> Result<MediaConn, CallError> {
        let path = if fresh {
            "/media-conn?fresh=true"
        } else {
            "/media-conn"
        };
        self.call(Method::GET, path, None).await
    }

    /// Sends a message, a protobuf `Message`, under an id that every further try uses again.
    ///
    /// # Errors
    ///
    /// `in_flight`, `refused`, `send_failed`, `not_connected`; `not_acknowledged`: it may have arrived.
    pub async fn send(&self, id: &str, chat: &str, message: &[u8]) -> Result<Taken, CallError> {
        let body = json!({"id": id, "chat": chat, "message": STANDARD.encode(message)});
        self.call(Method::POST, "/send", Some(body)).await
    }

    /// Asks the phone to upload a file again. The answer comes as an event, some day.
    ///
    /// # Errors
    ///
    /// `not_connected`, `send_failed`.
    pub async fn media_retry(&self, question: &MediaRetry) -> Result<(), CallError> {
        let body = serde_json::to_value(question).unwrap_or_default();
        let _accepted: serde_json::Value =
            self.call(Method::POST, "/media-retry", Some(body)).await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
        body: Option<serde_json::Value>,
    ) -> Result<T, CallError> {
        let exchange = self.exchange(method, path, body);
        let (status, answer) = timeout(PATIENCE, exchange)
            .await
            .ok()
            .flatten()
            .ok_or(CallError::Unreachable)?;
        if status.is_success() {
            // 202 may have no body.
            let answer = if answer.is_empty() {
                &b"null"[..]
            } else {
                &answer
            };
            return serde_json::from_slice(answer).map_err(|_| CallError::Unreachable);
        }
        let refusal = serde_json::from_slice(&answer).unwrap_or_else(|_| Refusal {
            error: format!("the program that holds the device answered {status}"),
            code: String::new(),
        });
        Err(CallError::Refused {
            status,
            code: refusal.code,
            message: refusal.error,
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &'static str,
        body: Option<serde_json::Value>,
    ) -> Option<(StatusCode, Bytes)> {
        let stream = UnixStream::connect(&self.socket).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "whatsapp")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .ok()?;
        // The connection does its work as long as the answer is waited for.
        let (answer, _ended) = tokio::join!(
            async {
                let answer = sender.send_request(request).await;
                drop(sender);
                let (head, body) = answer.ok()?.into_parts();
                let body = Limited::new(body, ANSWER_BYTES).collect().await.ok()?;
                Some((head.status, body.to_bytes()))
            },
            connection
        );
        answer
    }
}
