//! A mock of the API server for tests: each request is looked at and answered by hand.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::{Client, client::Body, runtime::reflector::store::Writer};
use serde_json::{Value, json};
use titan_crds::{MediaSession, TenantStorage};
use tower_test::mock::{Handle, SendResponse};

use crate::{
    args::Args,
    clock::Clock,
    context::Context,
    events::Recorder,
    settings::Settings,
    sidecar,
    status::Written,
    watch::{Scope, Watches},
};

/// A test waits no longer than this for a request.
const PATIENCE: Duration = Duration::from_secs(1);

/// The server's side.
pub(crate) struct Server(Handle<Request<Body>, Response<Body>>);

/// A request that waits for its answer.
pub(crate) struct Call {
    /// Method, path, and the query that matters.
    pub(crate) line: String,
    pub(crate) body: Value,
    answer: SendResponse<Response<Body>>,
}

/// A client, and the server that it speaks to.
pub(crate) fn server() -> (Client, Server) {
    let (service, handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    (Client::new(service, "default"), Server(handle))
}

impl Server {
    /// The next request.
    pub(crate) async fn next(&mut self) -> Call {
        tokio::time::timeout(PATIENCE, self.take())
            .await
            .expect("a request in time")
    }

    /// The next request, whenever it comes, which must be that one. For tests in paused time.
    pub(crate) async fn patient(&mut self, line: &str) -> Call {
        let call = self.take().await;
        assert_eq!(call.line, line);
        call
    }

    async fn take(&mut self) -> Call {
        let (request, answer) = self.0.next_request().await.expect("a client");
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Call {
            line: format!("{} {}", head.method, head.uri.path()),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            answer,
        }
    }

    /// The next request, which must be that one.
    pub(crate) async fn expect(&mut self, line: &str) -> Call {
        let call = self.next().await;
        assert_eq!(call.line, line, "{}", call.body);
        call
    }

    /// No request waits.
    pub(crate) fn assert_idle(&mut self) {
        let next = pin!(self.0.next_request());
        if let Some(Some((request, _))) = next.now_or_never() {
            panic!("{} {}", request.method(), request.uri());
        }
    }
}

impl Call {
    /// Answers with an object.
    pub(crate) fn object(self, object: &Value) {
        self.reply(200, object);
    }

    /// Answers with what was sent, and what the server adds.
    pub(crate) fn accept(self, uid: &str, version: &str) {
        let mut object = self.body.clone();
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["resourceVersion"] = json!(version);
        self.reply(201, &object);
    }

    /// Answers with a failure.
    pub(crate) fn fail(self, code: u16, reason: &str) {
        let status = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure",
            "code": code, "reason": reason, "message": reason,
        });
        self.reply(code, &status);
    }

    pub(crate) fn reply(self, code: u16, body: &Value) {
        let body = Body::from(body.to_string().into_bytes());
        let response = Response::builder().status(code).body(body).unwrap();
        self.answer.send_response(response);
    }
}

/// A context with empty stores.
pub(crate) struct World {
    pub(crate) context: Arc<Context>,
    pub(crate) storages: Writer<TenantStorage>,
    pub(crate) sessions: Writer<MediaSession>,
}

/// The settings of `run --sidecar-image …` and nothing else.
pub(crate) fn settings() -> Settings {
    use clap::Parser;
    let image = format!("registry:5000/titan-sidecar@sha256:{}", "a".repeat(64));
    let args = Args::try_parse_from(["titan-operator", "--sidecar-image", &image]).unwrap();
    Settings::try_from(args.run).unwrap()
}

/// A world where it is `now`.
pub(crate) fn world(client: Client, now: Timestamp) -> World {
    let (storages, storage_writer) = kube::runtime::reflector::store();
    let (sessions, session_writer) = kube::runtime::reflector::store();
    let context = Context {
        events: Recorder::new(client.clone(), "test".to_owned()),
        client,
        settings: Arc::new(settings()),
        metrics: Arc::default(),
        clock: Clock::fixed(now),
        sidecars: sidecar::Client::default(),
        storages,
        sessions,
        index: Arc::default(),
        pods: Arc::default(),
        workloads: Arc::default(),
        jobs: Arc::default(),
        ledger: Arc::default(),
        requests: Arc::default(),
        session_statuses: Written::default(),
        storage_statuses: Written::default(),
    };
    World {
        context: Arc::new(context),
        storages: storage_writer,
        sessions: session_writer,
    }
}

/// Watches that feed a context.
pub(crate) fn watches(context: &Context) -> Watches {
    Watches {
        client: context.client.clone(),
        scope: Scope::new(Vec::new()),
        readiness: Arc::default(),
        metrics: context.metrics.clone(),
        requests: context.requests.clone(),
        ledger: context.ledger.clone(),
        index: context.index.clone(),
        pods: context.pods.clone(),
        workloads: context.workloads.clone(),
        jobs: context.jobs.clone(),
        sidecars: context.sidecars.clone(),
    }
}
