//! A small HTTP client that holds every answer against the product's own OpenAPI document.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::contract::Contract;

/// How long a connection may take to come about. A Service's connection that was led to a pod on its way out gets
/// no answer, and its repetitions are led there again for two minutes: only a new connection finds another pod.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

// === impl Reply ===

impl Reply {
    /// The body as JSON; `null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `data` of the body.
    #[must_use]
    pub fn data(&self) -> Value {
        self.json()["data"].take()
    }

    /// `code` of an error.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Asserts the status and returns the answer.
    #[track_caller]
    #[allow(
        clippy::return_self_not_must_use,
        reason = "the assertion alone is a use"
    )]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(600)]);
        assert_eq!(self.status, status, "{body}");
        self
    }

    /// Asserts that this is an error of `status` and `code`, in the API's shape.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let json = self.json();
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{json}"
        );
        assert!(
            json["error"].as_str().is_some_and(|text| !text.is_empty()),
            "{json}"
        );
        assert!(json.get("docs").is_none_or(Value::is_string), "{json}");
    }
}

/// A client of one base URL.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    key: Option<String>,
    contract: Option<Arc<Contract>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

// === impl Api ===

impl Api {
    /// A client without a key.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // No pool: a killed process must not leave half-dead connections behind.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            base: base.to_owned(),
            key: None,
            contract: None,
            client,
        }
    }

    /// The same with a Bearer key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// The same without a key.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// The same, holding every answer against `contract`.
    #[must_use]
    pub fn held_to(&self, contract: Arc<Contract>) -> Self {
        Self {
            contract: Some(contract),
            ..self.clone()
        }
    }

    /// Sends a request; the answer's body is still to be read.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<http::Response<Incoming>, String> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        self.client
            .request(request)
            .await
            .map_err(|error| format!("{error:?}"))
    }

    /// Sends a request and reads the whole answer.
    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Result<Reply, String> {
        let body = Bytes::copy_from_slice(body.as_ref());
        let answer = self.open(method, path, headers, body).await?;
        let (parts, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| format!("{error:?}"))?
            .to_bytes();
        let reply = Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        };
        if let Some(contract) = &self.contract
            && let Err(broken) = contract.check(method, path, &reply)
        {
            panic!("{method} {path} → {}: {broken}", reply.status);
        }
        Ok(reply)
    }

    /// [`Self::try_call`], where a missing answer is a failed test.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let answer = self.try_call(method, path, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], b"").await
    }

    /// `POST` without a body.
    pub async fn post(&self, path: &str) -> Reply {
        self.call("POST", path, &[], b"").await
    }

    /// `POST` of JSON.
    pub async fn post_json(&self, path: &str, body: &Value) -> Reply {
        let body = serde_json::to_vec(body).unwrap();
        self.call("POST", path, &[("content-type", "application/json")], body)
            .await
    }

    /// Fetches any absolute URL, a presigned one for instance, without a key.
    pub async fn fetch(url: &str, headers: &[(&str, &str)]) -> Reply {
        let parsed = url::Url::parse(url).unwrap();
        let base = parsed.origin().ascii_serialization();
        let path = url.strip_prefix(&base).unwrap();
        Self::new(&base).call("GET", path, headers, b"").await
    }
}

/// Whether `status` is one of success.
#[must_use]
pub fn is_success(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(|status| status.is_success())
}
