//! A webhook receiver for tests: a real HTTP server on loopback that keeps what it gets and
//! answers as the test says.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::endpoint::Endpoint;
use crate::net::{AddressPolicy, tls_config};
use crate::webhook::{Client, Policy, Retries, client};

/// Far longer than any test takes: only a broken one gets there.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How a request is answered.
pub(super) type Answer = Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;

/// The server; it stops with its runtime.
pub(super) struct Sink {
    pub(super) url: Url,
    seen: watch::Receiver<Vec<Seen>>,
}

// === impl Seen ===

impl Seen {
    /// WhatsApp's message id.
    pub(super) fn message(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["payload"]["id"].as_str().unwrap().to_owned()
    }
}

// === impl Sink ===

impl Sink {
    /// Answers every request with what `answer` makes of it and of the number of earlier ones.
    pub(super) async fn start(
        answer: impl Fn(Seen, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = watch::channel(Vec::new());
        let (sender, answer) = (Arc::new(sender), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answer) = (Arc::clone(&sender), Arc::clone(&answer));
                tokio::spawn(serve(stream, sender, move |seen, before| {
                    answer(seen, before)
                }));
            }
        });
        let url = Url::parse(&format!("http://{address}/hooks")).unwrap();
        Self { url, seen }
    }

    /// Answers request `n` with status `statuses[n]`, and all later ones with the last.
    pub(super) async fn statuses(statuses: &'static [u16]) -> Self {
        Self::start(move |_, before| {
            let status = statuses[before.min(statuses.len() - 1)];
            Box::pin(async move { status_only(status) })
        })
        .await
    }

    /// Waits until `n` requests have arrived, and gives all.
    pub(super) async fn wait_for(&self, n: usize) -> Vec<Seen> {
        let mut seen = self.seen.clone();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| seen.len() >= n)).await;
        waited
            .expect("the requests arrive in time")
            .unwrap()
            .clone()
    }

    /// How many requests have arrived.
    pub(super) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// An endpoint at this sink that loses no time between attempts.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            retries: Retries {
                attempts: 5,
                delay: Duration::from_millis(2),
                policy: Policy::Constant,
                max_delay: Duration::from_mins(10),
            },
            ..Endpoint::new(self.url.clone())
        }
    }
}

/// A body-less answer.
pub(super) fn status_only(status: u16) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .body(Full::default())
        .unwrap()
}

/// A client that may reach `allow`, and nothing else that is not public.
pub(super) fn client_for(allow: &[&str]) -> Client {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    let policy = AddressPolicy::new(allow, false, Vec::new());
    client(Arc::new(policy), tls_config(None).unwrap())
}

async fn serve(
    stream: TcpStream,
    sender: Arc<watch::Sender<Vec<Seen>>>,
    answer: impl Fn(Seen, usize) -> Answer + Send + Sync + 'static,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (sender, answer) = (&sender, &answer);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let headers = head.headers;
            let seen = Seen { headers, body };
            let mut before = 0;
            sender.send_modify(|all| {
                before = all.len();
                all.push(seen.clone());
            });
            Ok::<_, Infallible>(answer(seen, before).await)
        }
    });
    // A client that hangs up is part of some tests.
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
