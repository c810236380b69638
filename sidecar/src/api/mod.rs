//! The API port: routes, keys, errors, OpenAPI.

#![allow(
    unused_qualifications,
    reason = "utoipa::path expands parameter types with their path"
)]

pub mod auth;
mod dead_letters;
mod device;
mod docs;
mod download;
mod download_answers;
pub mod error;
mod forget;
mod inbound;
pub mod listener;
mod media;
pub mod media_info;
mod openapi;
mod oversize;
mod page;
mod pair;
mod path;
mod persist;
mod prefer;
mod qr;
pub mod rate_limit;
pub mod registry;
mod replay;
mod representation;
mod retry;
mod send;
mod sessions;
mod thumbnail;
mod webhooks;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State as Extract},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{get, post},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics::Metrics;

pub use error::{ApiError, ErrorBody};
pub use openapi::document;
pub use registry::Registry;

/// What handlers share.
#[derive(Debug, Clone)]
pub struct State {
    /// The running sessions.
    pub registry: Arc<Registry>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Largest request body of `/inbound`, bytes.
    pub inbound_max_bytes: usize,
}

/// Every success: `{"data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Data<T> {
    /// The answer.
    pub data: T,
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> axum::response::Response {
        Json(self).into_response()
    }
}

/// The API's router.
pub fn router(state: State) -> Router {
    Router::new()
        .merge(limited())
        // What follows is not limited.
        .route_layer(from_fn_with_state(state.clone(), rate_limit::limit))
        .route("/openapi.json", get(openapi::serve))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .route("/api/sessions/{session}/inbound", post(inbound::receive))
        .route(
            "/api/sessions/{session}/inbound/{token}",
            post(inbound::receive_by_token),
        )
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .with_state(state)
}

/// Routes that a session's rate limit counts.
fn limited() -> Router<State> {
    Router::new()
        .route("/api/sessions", get(sessions::list))
        .route("/api/sessions/{session}", get(sessions::show))
        .route("/api/sessions/{session}/pair/qr", get(pair::qr))
        .route("/api/{session}/pair/qr", get(pair::bare_qr))
        .route("/api/sessions/{session}/pair/code", post(pair::code))
        .route("/api/sessions/{session}/start", post(device::start))
        .route("/api/sessions/{session}/stop", post(device::stop))
        .route("/api/sessions/{session}/logout", post(device::logout))
        .route("/api/sessions/{session}/media", get(media::list))
        .route(
            "/api/sessions/{session}/media/retry",
            post(retry::retry_all),
        )
        .route(
            "/api/sessions/{session}/media/{media}",
            get(media::show).delete(forget::forget),
        )
        .route(
            "/api/sessions/{session}/media/{media}/download",
            post(download::download)
                .get(download::download_by_get)
                .head(download::head),
        )
        .route(
            "/api/sessions/{session}/media/{media}/persist",
            post(persist::persist),
        )
        .route(
            "/api/sessions/{session}/media/{media}/retry",
            post(retry::retry),
        )
        .route("/api/messages/send", post(send::send))
        .route(
            "/api/sessions/{session}/messages/send",
            post(send::send_of_session),
        )
        .route(
            "/api/sessions/{session}/webhooks/test",
            post(webhooks::test),
        )
        .route(
            "/api/sessions/{session}/webhooks/dead-letters",
            get(dead_letters::list),
        )
        .route(
            "/api/sessions/{session}/webhooks/replay",
            post(replay::replay),
        )
}

/// Below `/api` a stranger learns nothing but that a key is missing, not even what there is.
async fn no_route(Extract(state): Extract<State>, request: Request) -> ApiError {
    if request.uri().path().starts_with("/api/")
        && let Err(unauthorised) = auth::require_any(&state.registry, request.headers())
    {
        return unauthorised;
    }
    ApiError::new(
        StatusCode::NOT_FOUND,
        "route_not_found",
        "there is no such route; see /docs",
    )
}

async fn no_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this route does not take that method; see /docs",
    )
}
