//! The admin port: `/livez`, `/readyz`, `/metrics`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

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
}

impl Admin {
    /// Serves until the token is cancelled.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.router())
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }

    fn router(self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
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
}
