//! The admin port: `/livez`, `/readyz`, `/metrics`, `/status`.

mod readiness;
mod status;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State as Extract,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use titan_crds::report::SidecarStatus;

pub use readiness::{Failed, Readiness};

use crate::{
    api::Registry,
    clock,
    metrics::{Metrics, State as Label},
    store::Depths,
    webhook::Tally,
};

/// What the admin port knows.
#[derive(Debug, Clone)]
pub struct State {
    /// The running sessions.
    pub registry: Arc<Registry>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Counts deliveries.
    pub deliveries: Arc<Tally>,
    /// Whether the process takes work.
    pub readiness: Arc<Readiness>,
}

/// The admin port's router.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(show_status))
        .with_state(state)
}

/// Ready when every session runs and every store takes a write. The bucket's state is shown and never fatal: a session
/// whose bucket is down still takes messages.
async fn readyz(Extract(state): Extract<State>) -> impl IntoResponse {
    if !state.readiness.get() {
        let reason = state.readiness.config_error();
        let reason = reason.unwrap_or_else(|| "starting or stopping".to_owned());
        let body = serde_json::json!({"ready": false, "reason": reason});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body));
    }
    let mut sessions = serde_json::Map::new();
    let failed = state.readiness.failed();
    let mut ready = failed.is_empty();
    for Failed { config, error } in failed {
        let store = serde_json::json!({ "store": error });
        sessions.insert(config.key.session.clone(), store);
    }
    for session in state.registry.all() {
        let store = session.store().check_writable().await;
        ready &= store.is_ok();
        sessions.insert(
            session.key().session.clone(),
            serde_json::json!({
                "store": store.map_or_else(|error| error.to_string(), |()| "writable".to_owned()),
                "bucket": session.bucket_verdict().reason,
            }),
        );
    }
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({"ready": ready, "sessions": sessions});
    (status, Json(body))
}

async fn metrics(Extract(state): Extract<State>) -> impl IntoResponse {
    let mut total = Depths::default();
    let sessions = state.registry.all();
    for session in &sessions {
        match session.store().depths().await {
            Ok(depths) => total += depths,
            Err(error) => tracing::warn!(session = %session.key(), %error, "can't count records"),
        }
    }
    for (name, value) in total.named() {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        state
            .metrics
            .depth
            .get_or_create(&Label { state: name })
            .set(value);
    }
    let down = sessions
        .iter()
        .filter(|session| session.bucket_is_down())
        .count();
    state
        .metrics
        .sessions
        .set(i64::try_from(sessions.len()).unwrap_or(i64::MAX));
    state
        .metrics
        .buckets_down
        .set(i64::try_from(down).unwrap_or(i64::MAX));
    state.metrics.set_deliveries(&state.deliveries);
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        state.metrics.encode(),
    )
}

async fn show_status(Extract(state): Extract<State>) -> Json<SidecarStatus> {
    Json(status::of(&state, clock::now()).await)
}
