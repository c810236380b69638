//! Clients of the Kubernetes API: counted, and stopped when the lease is lost.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Method, Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tokio::time::Instant;
use tower::{BoxError, Service, layer::layer_fn};

use crate::{lease::Fence, metrics::Metrics};

/// Time for a request of the election: less than the time between two renewals and the deadline allow.
const LEASE_TIMEOUT: Duration = Duration::from_secs(4);

/// The client of the controllers: no request starts once the fence is closed.
pub fn for_controllers(
    config: Config,
    metrics: &Arc<Metrics>,
    fence: &Arc<Fence>,
) -> kube::Result<Client> {
    build(config, metrics, Some(fence))
}

/// The client of what goes on without being the leader: no fence.
pub fn unfenced(config: Config, metrics: &Arc<Metrics>) -> kube::Result<Client> {
    build(config, metrics, None)
}

/// The client of the election: it neither tries again by itself nor waits for long, or a renewal could outlive the
/// lease (T4).
pub fn for_election(mut config: Config, metrics: &Arc<Metrics>) -> kube::Result<Client> {
    config.default_retry = false;
    config.connect_timeout = Some(LEASE_TIMEOUT);
    config.read_timeout = Some(LEASE_TIMEOUT);
    config.write_timeout = Some(LEASE_TIMEOUT);
    build(config, metrics, None)
}

fn build(
    config: Config,
    metrics: &Arc<Metrics>,
    fence: Option<&Arc<Fence>>,
) -> kube::Result<Client> {
    let layer = layer_fn(|service| Counted {
        service,
        metrics: metrics.clone(),
        fence: fence.cloned(),
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&layer).build())
}

/// A service whose requests are counted, and let through as long as the fence is open.
#[derive(Clone, Debug)]
struct Counted<S> {
    service: S,
    metrics: Arc<Metrics>,
    fence: Option<Arc<Fence>>,
}

/// A request was not sent, because another instance may lead by now.
#[derive(Debug, thiserror::Error)]
#[error("the lease was not renewed in time")]
pub struct NotLeading;

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.fence.as_ref().is_some_and(|fence| !fence.is_open()) {
            return Box::pin(async { Err(NotLeading.into()) });
        }
        let (verb, resource) = describe(&request);
        let (metrics, start) = (self.metrics.clone(), Instant::now());
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let code = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            metrics.requested(verb, &resource, code, start.elapsed());
            answer
        })
    }
}

/// Verb and resource of a request, in Kubernetes' own words and without any name.
fn describe(request: &Request<Body>) -> (&'static str, String) {
    let path: Vec<_> = request
        .uri()
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = path.as_slice() else {
        return (verb(request, true), "discovery".to_owned());
    };
    let rest = match rest {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        rest => rest,
    };
    match rest {
        [] => (verb(request, true), "discovery".to_owned()),
        [resource] => (verb(request, false), (*resource).to_owned()),
        [resource, _] => (verb(request, true), (*resource).to_owned()),
        [resource, _, subresource, ..] => {
            (verb(request, true), format!("{resource}/{subresource}"))
        }
    }
}

fn verb(request: &Request<Body>, named: bool) -> &'static str {
    let watches = || {
        request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|part| part == "watch=true"))
    };
    match *request.method() {
        Method::GET if watches() => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_verb_and_resource() {
        for (method, path, expected) in [
            (
                "GET",
                "/api/v1/namespaces/a/pods?watch=true",
                ("watch", "pods"),
            ),
            ("GET", "/api/v1/pods?limit=5", ("list", "pods")),
            (
                "GET",
                "/apis/apps/v1/namespaces/a/deployments/x",
                ("get", "deployments"),
            ),
            (
                "PATCH",
                "/apis/titan.media/v1alpha1/namespaces/a/mediasessions/x/status",
                ("patch", "mediasessions/status"),
            ),
            ("GET", "/api/v1/namespaces/a", ("get", "namespaces")),
            ("GET", "/apis/titan.media/v1alpha1", ("get", "discovery")),
            (
                "POST",
                "/api/v1/namespaces/a/services?fieldManager=x",
                ("create", "services"),
            ),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            let (verb, resource) = describe(&request);
            assert_eq!((verb, resource.as_str()), expected, "{method} {path}");
        }
    }
}
