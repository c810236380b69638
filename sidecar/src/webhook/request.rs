//! The request of one attempt, and the client that sends it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use thiserror::Error;
use url::Url;

use super::endpoint::{Endpoint, is_reserved};
use super::sign::sign;
use crate::net::{self, AddressPolicy, Connector, Purpose, USER_AGENT};

/// Answers are short: hyper's smallest read buffer will do.
const MAX_BUF: usize = 8 * 1024;

/// The client of all webhooks of a process: every address it dials is checked.
pub type Client = net::Client<Full<Bytes>>;

/// Builds the client.
#[must_use]
pub fn client(policy: Arc<AddressPolicy>, tls: Arc<ClientConfig>) -> Client {
    net::client(Connector::new(policy, Purpose::Webhook, tls), MAX_BUF)
}

/// The endpoint's URL can't be posted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Another scheme than https or http, or no host.
    #[error("the url is no http url")]
    Url,
}

/// The signed request that posts `body` as event `id` at `timestamp` (Unix seconds).
///
/// A user and password in the URL become basic credentials, unless the tenant set an
/// `Authorization` of his own. Reserved headers of the tenant are dropped.
pub fn request(
    endpoint: &Endpoint,
    id: &str,
    timestamp: i64,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, RequestError> {
    let signed = sign(endpoint.secret.as_ref(), id, timestamp, &body);
    let mut request = Request::post(uri(&endpoint.url)?)
        .header(header::USER_AGENT, USER_AGENT)
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| RequestError::Url)?;
    let headers = request.headers_mut();
    if let Some(credentials) = basic_credentials(&endpoint.url) {
        headers.insert(header::AUTHORIZATION, credentials);
    }
    for (name, value) in endpoint.headers.iter().filter(|(n, _)| !is_reserved(n)) {
        let mut value = value.clone();
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.extend(signed);
    Ok(request)
}

/// The URL without credentials and fragment.
fn uri(url: &Url) -> Result<Uri, RequestError> {
    let host = url.host_str().ok_or(RequestError::Url)?;
    let authority = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Uri::builder()
        .scheme(url.scheme())
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| RequestError::Url)
}

fn basic_credentials(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut plain = percent_decode_str(url.username()).collect::<Vec<u8>>();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::webhook::Secret;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(Url::parse(url).unwrap())
    }

    fn made(endpoint: &Endpoint) -> Request<Full<Bytes>> {
        request(endpoint, "evt_1", 7, b"{}".to_vec()).unwrap()
    }

    #[test]
    fn a_request_is_a_signed_json_post() {
        let mut endpoint = endpoint("https://app.acme.com:8443/hooks?a=1#part");
        endpoint.secret = Some(Secret::parse(b"k").unwrap());
        let request = made(&endpoint);
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://app.acme.com:8443/hooks?a=1");
        assert_eq!(request.headers()["content-type"], "application/json");
        let agent = request.headers()["user-agent"].to_str().unwrap();
        assert!(agent.starts_with("titan-sidecar/"), "{agent}");
        assert_eq!(request.headers()["webhook-id"], "evt_1");
        assert!(request.headers().contains_key("x-webhook-signature"));
    }

    #[test]
    fn credentials_of_the_url_become_a_header() {
        let request = made(&endpoint("https://me:p%40ss@[2606:4700::1]/hooks"));
        assert_eq!(request.uri(), "https://[2606:4700::1]/hooks");
        // `me:p@ss`
        assert_eq!(request.headers()["authorization"], "Basic bWU6cEBzcw==");
        assert!(request.headers()["authorization"].is_sensitive());
    }

    #[test]
    fn the_tenants_headers_are_sent_but_not_over_ours() {
        let mut endpoint = endpoint("https://me:pass@app.acme.com/hooks");
        for (name, value) in [
            ("authorization", "Bearer t"),
            ("x-one", "1"),
            ("content-length", "99"),
            ("content-type", "text/plain"),
            ("host", "elsewhere"),
            ("webhook-id", "mine"),
        ] {
            let name = HeaderName::from_static(name);
            endpoint
                .headers
                .push((name, HeaderValue::from_static(value)));
        }
        let request = made(&endpoint);
        let headers = request.headers();
        assert_eq!(headers["authorization"], "Bearer t");
        assert_eq!(headers["x-one"], "1");
        assert!(headers["x-one"].is_sensitive());
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["webhook-id"], "evt_1");
        assert!(!headers.contains_key("content-length") && !headers.contains_key("host"));
    }
}
