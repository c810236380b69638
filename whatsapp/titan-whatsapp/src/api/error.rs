//! Refusals: `{"error": words, "code": word}`.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

use crate::device::NotConnected;

/// A refusal.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    error: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self {
            status,
            code,
            error: error.into(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "nothing is here")
    }

    /// What was sent can't be used, whoever sends it again.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", error)
    }
}

impl From<NotConnected> for ApiError {
    fn from(error: NotConnected) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_connected",
            error.to_string(),
        )
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self {
            status: rejection.status(),
            code: "invalid_request",
            error: "the body is not what is asked for".to_owned(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (
            self.status,
            Json(json!({ "error": self.error, "code": self.code })),
        )
            .into_response()
    }
}
