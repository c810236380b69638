//! The admin port: `/livez`, `/readyz`, `/metrics`, and `/log-level`, which hears only what comes from the pod itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::Metrics,
    telemetry::{LogLevel, LogLevelError},
};

/// What the operator still waits for before it takes work.
#[derive(Debug, Default)]
pub struct Readiness {
    pending: Mutex<BTreeMap<String, usize>>,
    changed: Notify,
}

/// One thing that is waited for.
#[derive(Debug)]
#[must_use = "a latch that is dropped stays pending"]
pub struct Latch {
    readiness: Arc<Readiness>,
    name: String,
}

impl Readiness {
    /// Waits for one more thing.
    pub fn begin(self: &Arc<Self>, name: impl Into<String>) -> Latch {
        let name = name.into();
        *self.lock().entry(name.clone()).or_default() += 1;
        Latch {
            readiness: self.clone(),
            name,
        }
    }

    /// What is still waited for.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Waits until nothing is waited for.
    pub async fn wait(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latch {
    /// It is there.
    pub fn done(self) {
        let mut pending = self.readiness.lock();
        if let Some(count) = pending.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                pending.remove(&self.name);
            }
        }
        drop(pending);
        self.readiness.changed.notify_waiters();
    }
}

/// What the admin port knows.
#[derive(Clone, Debug)]
pub struct Admin {
    /// What is waited for.
    pub readiness: Arc<Readiness>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The level of the log.
    pub log_level: LogLevel,
}

impl Admin {
    /// Serves until the token is cancelled.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let service = self
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }

    fn router(self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/log-level", get(log_level).put(set_log_level))
            .with_state(self)
    }
}

async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    let pending = admin.readiness.pending();
    let status = if pending.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({"ready": pending.is_empty(), "pending": pending});
    (status, Json(body))
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        admin.metrics.encode(),
    )
}

async fn log_level(State(admin): State<Admin>) -> Response {
    match admin.log_level.get() {
        Ok(filter) => filter.into_response(),
        Err(error) => refusal(&error),
    }
}

/// For whoever may forward a port of the pod, and nobody else: verbose logs cost, and silent ones hide.
async fn set_log_level(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    filter: String,
) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        let hint = "only from the pod itself: kubectl port-forward\n";
        return (StatusCode::FORBIDDEN, hint).into_response();
    }
    match admin.log_level.set(&filter) {
        Ok(()) => {
            tracing::info!(filter = filter.trim(), "log level set");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &LogLevelError) -> Response {
    let status = match error {
        LogLevelError::Invalid(_) => StatusCode::BAD_REQUEST,
        LogLevelError::Gone(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{error}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_pending_is_named_until_it_is_there() {
        let readiness = Arc::new(Readiness::default());
        let (crds, one, two) = (
            readiness.begin("crds"),
            readiness.begin("Pod"),
            readiness.begin("Pod"),
        );
        assert_eq!(readiness.pending(), ["Pod", "crds"]);
        crds.done();
        one.done();
        assert_eq!(readiness.pending(), ["Pod"]);
        two.done();
        assert!(readiness.pending().is_empty());
    }

    #[tokio::test]
    async fn the_log_level_is_set_from_the_pod_itself_only() {
        let (_filter, log_level) = crate::telemetry::filter();
        let admin = Admin {
            readiness: Arc::default(),
            metrics: Arc::default(),
            log_level,
        };
        let set = async |peer: &str, filter: &str| {
            let peer = ConnectInfo(peer.parse().unwrap());
            set_log_level(State(admin.clone()), peer, filter.to_owned())
                .await
                .status()
        };
        assert_eq!(set("10.244.0.7:40000", "debug").await, 403);
        assert_eq!(set("[::ffff:127.0.0.1]:40000", "debug").await, 204);
        assert_eq!(set("127.0.0.1:40000", "a=b=c").await, 400);
        assert_eq!(admin.log_level.get().unwrap(), "debug");
    }
}
