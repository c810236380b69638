//! Errors as the API speaks them: `{"error", "code", "docs"}` with a stable `code`.

use std::time::Duration;

use axum::{
    Json,
    extract::rejection::QueryRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    inbound::ParseError,
    store::{MediaError, SealError, StoreError},
    transfer::TransferError,
};

/// Where every code is described.
const DOCS: &str = "/docs";

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong, in words.
    pub error: String,
    /// Stable machine-readable code.
    #[schema(example = "media_not_found")]
    pub code: String,
    /// Where to read more.
    pub docs: &'static str,
    /// JSON pointer to the offending value of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
    pointer: Option<String>,
    retry_after: Option<Duration>,
    /// Length of the file that a range lies outside of, bytes.
    file_length: Option<u64>,
}

impl ApiError {
    /// An error of a status, a stable code and words.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            pointer: None,
            retry_after: None,
            file_length: None,
        }
    }

    /// 400 with the name of the parameter.
    pub fn bad_parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_parameter",
            format!("parameter {name}: {why}"),
        )
    }

    /// 400 for a body that breaks off.
    #[must_use]
    pub fn incomplete_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the request body ended early",
        )
    }

    /// 404 for a media id.
    #[must_use]
    pub fn media_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "media_not_found",
            "this session has no media of that id",
        )
    }

    /// The failure that a record remembers.
    #[must_use]
    pub fn of_record(error: &MediaError) -> Self {
        Self::new(status_of(&error.code), &error.code, error.message.clone())
    }

    /// The same, naming the offending value of the request by its JSON pointer.
    #[must_use]
    pub(super) fn at(self, pointer: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            ..self
        }
    }

    /// The same, telling the caller how long to wait.
    #[must_use]
    pub(super) fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }
}

/// The one table from codes of media failures to status codes.
fn status_of(code: &str) -> StatusCode {
    match code {
        "media_invalid" => StatusCode::UNPROCESSABLE_ENTITY,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "media_expired" | "object_gone" => StatusCode::GONE,
        "thumbnail_not_found" => StatusCode::NOT_FOUND,
        "range_not_satisfiable" => StatusCode::RANGE_NOT_SATISFIABLE,
        "storage_not_configured" => StatusCode::CONFLICT,
        "storage_unavailable"
        | "store_unavailable"
        | "store_key_missing"
        | "timeout"
        | "media_requested" => StatusCode::SERVICE_UNAVAILABLE,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl From<TransferError> for ApiError {
    fn from(error: TransferError) -> Self {
        let status = status_of(error.code());
        let mut answer = Self::new(status, error.code(), error.to_string());
        if let TransferError::OutOfRange { length } = error {
            answer.file_length = Some(length);
        }
        match error.retry_after() {
            Some(pause) => answer.retry_after(pause),
            None if status == StatusCode::SERVICE_UNAVAILABLE => {
                answer.retry_after(Duration::from_secs(10))
            }
            None => answer,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        let busy = "the session's store can't take this now; nothing was accepted";
        let (code, words) = match error {
            StoreError::Full => ("store_full", busy),
            StoreError::Seal(SealError::MissingKey(_)) => (
                "store_key_missing",
                "the key that sealed this record is not in the Secret of store.encryptionKeySecretRef",
            ),
            _ => ("store_unavailable", busy),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, words).retry_after(Duration::from_secs(5))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_parameter("query", rejection.body_text())
    }
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> Self {
        let status = match error.code {
            "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            pointer: error.pointer,
            ..Self::new(status, error.code, error.message)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.message,
            code: self.code,
            docs: DOCS,
            pointer: self.pointer,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(pause) = self.retry_after {
            // Whole seconds, rounded up: at that time it is worth another try.
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(length) = self.file_length
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}"))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
