//! A blob on its way to the CDN (`whatsapp-media.md` §2.4): to the hosts in turn, resumed where they can.
//!
//! The token that opens uploads stands in the query, so no URL is ever logged or part of an error.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{
    origin::{Origin, Origins},
    url::check_direct_path,
};
use crate::{
    media::MediaType,
    net::{Client, Connector, DEFAULT_MAX_BUF, client, is_cdn_host, start_of},
};

/// What is posted.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Larger blobs are asked after before they are sent: part of them may be there.
const RESUMED_FROM: u64 = 5 << 20;

/// Answers are short.
const ANSWER_BYTES: usize = 16 * 1024;

/// How long nothing may be taken from us or said to us.
const PATIENCE: Duration = Duration::from_secs(30);

/// What opens uploads, and where they go.
#[derive(Clone)]
pub struct Permit {
    /// The token.
    pub auth: String,
    /// Names of the hosts, the best first.
    pub hosts: Vec<String>,
}

/// Which blob it is.
#[derive(Debug, Clone, Copy)]
pub struct Blob {
    /// Decides the path.
    pub media_type: MediaType,
    /// SHA-256 of it.
    pub enc_sha256: [u8; 32],
    /// Its bytes.
    pub length: u64,
}

/// Where the CDN has a blob.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// Full URL.
    pub url: String,
    /// Path with its signed query, below any host.
    pub direct_path: String,
}

/// A blob that is not on the CDN.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The token is not, or no longer, good.
    #[error("{host} refuses the upload token with {status}")]
    Unauthorised {
        /// Who was asked.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The CDN will never take it.
    #[error("{host} refuses the file with {status}")]
    Refused {
        /// Who was asked.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// Another answer.
    #[error("{host} answered the upload with {status}")]
    Status {
        /// Who was asked.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// No connection, or it broke.
    #[error("the connection to {host} failed")]
    Network {
        /// Who was asked.
        host: String,
    },
    /// An answer without what was to be learnt.
    #[error("{host} did not say where the file is")]
    Answer {
        /// Who was asked.
        host: String,
    },
    /// The file can't be read here.
    #[error("the file to send can't be read")]
    File,
    /// There is nobody to ask.
    #[error("WhatsApp names no host to upload to")]
    NoHost,
}

/// What a server has of a blob.
#[derive(Debug, PartialEq, Eq)]
enum Had {
    /// All of it.
    All(Uploaded),
    /// Its first bytes; 0: nothing, or it can't tell.
    First(u64),
}

/// The client of uploads.
#[derive(Debug)]
pub(super) struct Uploader {
    client: Client<Body>,
    patience: Duration,
}

// === impl Uploader ===

impl Uploader {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            client: client(connector, DEFAULT_MAX_BUF),
            patience: PATIENCE,
        }
    }

    /// Brings `blob` to the first host that takes it. `body` makes its bytes from an offset on.
    pub(super) async fn upload<F, B>(
        &self,
        origins: &Origins,
        permit: &Permit,
        blob: &Blob,
        body: F,
    ) -> Result<Uploaded, UploadError>
    where
        F: Fn(u64) -> B,
        B: Future<Output = io::Result<Body>>,
    {
        let mut verdict = UploadError::NoHost;
        for origin in hosts(origins, permit) {
            match self.to_host(&origin, permit, blob, &body).await {
                Ok(uploaded) => return Ok(uploaded),
                Err(
                    error @ (UploadError::Unauthorised { .. }
                    | UploadError::Refused { .. }
                    | UploadError::File),
                ) => return Err(error),
                Err(error) => {
                    tracing::info!(host = origin.authority, %error, "upload failed");
                    verdict = error;
                }
            }
        }
        Err(verdict)
    }

    async fn to_host<F, B>(
        &self,
        origin: &Origin,
        permit: &Permit,
        blob: &Blob,
        body: &F,
    ) -> Result<Uploaded, UploadError>
    where
        F: Fn(u64) -> B,
        B: Future<Output = io::Result<Body>>,
    {
        let mut from = 0;
        if blob.length > RESUMED_FROM {
            match self.asked(origin, permit, blob).await? {
                Had::All(uploaded) => return Ok(uploaded),
                Had::First(bytes) if bytes < blob.length => from = bytes,
                Had::First(_) => {}
            }
        }
        let more = match from {
            0 => String::new(),
            from => format!("&file_offset={from}"),
        };
        let host = || origin.authority.clone();
        let content = body(from).await.map_err(|_| UploadError::File)?;
        let (status, answer) = self
            .post(
                origin,
                &target(origin, permit, blob, &more),
                blob.length - from,
                content,
            )
            .await?;
        judge(status, host)?;
        uploaded(&answer).ok_or_else(|| UploadError::Answer { host: host() })
    }

    /// What a host has of a blob already. One that does not know the question has nothing.
    async fn asked(
        &self,
        origin: &Origin,
        permit: &Permit,
        blob: &Blob,
    ) -> Result<Had, UploadError> {
        let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let uri = target(origin, permit, blob, "&resume=1");
        let (status, answer) = self.post(origin, &uri, 0, nothing).await?;
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            judge(status, || origin.authority.clone())?;
        }
        if status != StatusCode::OK {
            return Ok(Had::First(0));
        }
        Ok(had(&answer))
    }

    async fn post(
        &self,
        origin: &Origin,
        uri: &str,
        length: u64,
        body: Body,
    ) -> Result<(StatusCode, Value), UploadError> {
        let host = || origin.authority.clone();
        let taken = Arc::new(AtomicU64::new(0));
        let counter = taken.clone();
        let body = body.map_frame(move |frame| {
            counter.fetch_add(1, Ordering::Relaxed);
            frame
        });
        let request = Request::post(uri)
            .header(header::CONTENT_LENGTH, length)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(
                header::ORIGIN,
                HeaderValue::from_static("https://web.whatsapp.com"),
            )
            .header(
                header::REFERER,
                HeaderValue::from_static("https://web.whatsapp.com/"),
            )
            .body(body.boxed_unsync())
            .map_err(|_| UploadError::Network { host: host() })?;
        let answer = self.patiently(request, &taken).await;
        let (head, body) = answer
            .ok_or_else(|| UploadError::Network { host: host() })?
            .map_err(|error| {
                if is_of_body(&error) {
                    UploadError::File
                } else {
                    UploadError::Network { host: host() }
                }
            })?
            .into_parts();
        tracing::debug!(
            host = origin.authority,
            status = head.status.as_u16(),
            "cdn answered an upload"
        );
        let text = start_of(body, ANSWER_BYTES, Instant::now() + self.patience).await;
        Ok((
            head.status,
            serde_json::from_slice(&text).unwrap_or_default(),
        ))
    }

    /// Waits for the answer as long as something is taken. `None`: it fell silent.
    async fn patiently(
        &self,
        request: Request<Body>,
        taken: &AtomicU64,
    ) -> Option<Result<Response<Incoming>, hyper_util::client::legacy::Error>> {
        let mut answer = std::pin::pin!(self.client.request(request));
        let mut before = taken.load(Ordering::Relaxed);
        loop {
            if let Ok(answer) = timeout(self.patience, &mut answer).await {
                return Some(answer);
            }
            let now = taken.load(Ordering::Relaxed);
            if now == before {
                return None;
            }
            before = now;
        }
    }
}

/// The hosts to ask: those that the operator gave, else those of WhatsApp that are its own.
fn hosts(origins: &Origins, permit: &Permit) -> Vec<Origin> {
    if origins.given {
        return origins.list.clone();
    }
    let own = permit.hosts.iter().filter(|host| is_cdn_host(host));
    own.filter_map(|host| Origin::of(&::url::Url::parse(&format!("https://{host}")).ok()?))
        .collect()
}

/// Where a blob is posted. Holds the token.
fn target(origin: &Origin, permit: &Permit, blob: &Blob, more: &str) -> String {
    let token = URL_SAFE.encode(blob.enc_sha256);
    let auth = utf8_percent_encode(&permit.auth, NON_ALPHANUMERIC);
    let path = blob.media_type.mms_type();
    format!(
        "{}/mms/{path}/{token}?auth={auth}&token={token}{more}",
        origin.base
    )
}

fn judge(status: StatusCode, host: impl Fn() -> String) -> Result<(), UploadError> {
    let (host, code) = (host(), status.as_u16());
    match code {
        200..=299 => Ok(()),
        401 | 403 => Err(UploadError::Unauthorised { host, status: code }),
        413 | 415 => Err(UploadError::Refused { host, status: code }),
        _ => Err(UploadError::Status { host, status: code }),
    }
}

fn uploaded(answer: &Value) -> Option<Uploaded> {
    let text = |name| answer.get(name)?.as_str().map(str::to_owned);
    let uploaded = Uploaded {
        url: text("url")?,
        direct_path: text("direct_path")?,
    };
    check_direct_path(&uploaded.direct_path).ok()?;
    Some(uploaded)
}

/// What an answer to `resume` says. Anything else than it may say is nothing.
fn had(answer: &Value) -> Had {
    let resume = answer.get("resume").unwrap_or(answer);
    if resume == "complete"
        && let Some(uploaded) = uploaded(answer)
    {
        return Had::All(uploaded);
    }
    let number = resume.as_u64();
    let number = number.or_else(|| resume.as_str()?.parse().ok());
    Had::First(number.unwrap_or(0))
}

/// Whether our own body broke off.
fn is_of_body(error: &hyper_util::client::legacy::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_user)
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Shows no token.
impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Shows no path: it is signed.
impl fmt::Debug for Uploaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uploaded(…)")
    }
}

#[cfg(test)]
mod tests;
