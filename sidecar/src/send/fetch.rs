//! A file that a caller names by its link, fetched once.
//!
//! Over https and from public addresses, or from what the operator allows, then also over http; every
//! address is checked where it is dialled, so a redirect leads nowhere that the link itself could not.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use rustls::ClientConfig;
use tokio::time::timeout;
use url::Url;

use crate::net::{self, AddressPolicy, ConnectError, Connector, Purpose, USER_AGENT};

/// Largest file that is fetched, bytes.
pub const LARGEST: u64 = 50 << 20;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 3;

/// Until an answer begins.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file is read in pieces of this size at most, bytes.
const MAX_BUF: usize = 64 * 1024;

/// The client of all links of a process: every address that it dials is checked.
pub type Client = net::Client<Empty<Bytes>>;

/// Builds the client.
#[must_use]
pub fn client(policy: Arc<AddressPolicy>, tls: Arc<ClientConfig>) -> Client {
    net::client(Connector::new(policy, Purpose::Link, tls), MAX_BUF)
}

/// Why a link leads to no file. No text here holds the link: links may be signed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It can't be read, or has another scheme than https or http, or credentials.
    #[error("the link is no https URL")]
    Link,
    /// Its address may not be dialled.
    #[error("the link's address is not allowed: {0}")]
    Address(String),
    /// Nobody answers there.
    #[error("the link can't be reached: {0}")]
    Unreachable(String),
    /// Another answer than the file.
    #[error("the link answers {0}")]
    Status(StatusCode),
    /// It leads on and on.
    #[error("the link redirects more than {MOST_REDIRECTS} times")]
    Redirects,
    /// The file is larger than we take.
    #[error("the file is larger than {LARGEST} bytes")]
    TooLarge,
}

/// Asks for the file behind `link`. Its body may still turn out too large, or break off.
pub async fn open(client: &Client, link: &str) -> Result<Incoming, FetchError> {
    let mut url = Url::parse(link).map_err(|_| FetchError::Link)?;
    for _ in 0..=MOST_REDIRECTS {
        let answer = ask(client, &url).await?;
        let status = answer.status();
        if status.is_redirection()
            && let Some(location) = answer.headers().get(header::LOCATION)
        {
            let location = location.to_str().map_err(|_| FetchError::Link)?;
            url = url.join(location).map_err(|_| FetchError::Link)?;
            continue;
        }
        if status != StatusCode::OK {
            return Err(FetchError::Status(status));
        }
        if answer.body().size_hint().lower() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        return Ok(answer.into_body());
    }
    Err(FetchError::Redirects)
}

async fn ask(client: &Client, url: &Url) -> Result<Response<Incoming>, FetchError> {
    let uri = uri(url)?;
    let request = Request::get(uri)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, HeaderValue::from_static("*/*"))
        .body(Empty::new())
        .map_err(|_| FetchError::Link)?;
    match timeout(PATIENCE, client.request(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(match ConnectError::find(&error) {
            Some(ConnectError::Refused(refusal)) => FetchError::Address(refusal.to_string()),
            Some(error) => FetchError::Unreachable(error.with_cause()),
            None => FetchError::Unreachable("the connection broke".to_owned()),
        }),
        Err(_) => Err(FetchError::Unreachable(
            "no answer in 30 seconds".to_owned(),
        )),
    }
}

/// Without the fragment. Credentials in a link are refused: they would be sent to whom it redirects.
fn uri(url: &Url) -> Result<Uri, FetchError> {
    let plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none();
    if !plain {
        return Err(FetchError::Link);
    }
    let mut bare = url.clone();
    bare.set_fragment(None);
    bare.as_str().parse().map_err(|_| FetchError::Link)
}
