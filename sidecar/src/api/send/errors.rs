//! What goes wrong with sending, as answers.

use std::time::Duration;

use axum::http::StatusCode;

use super::super::error::ApiError;
use crate::{
    send::{
        deliver::NOT_CONFIGURED,
        device::deliver::{NOT_CONNECTED, REFUSED},
        fetch::FetchError,
        gateway::Unsupported,
        intake::FileError,
        request::{Refusal, RequestError},
        spool::SpoolError,
    },
    store::SendError,
};

/// When to come back for room, or for a gateway.
const SOON: Duration = Duration::from_secs(10);

/// The one table from codes of messages that were not sent to status codes.
fn status_of(code: &str) -> StatusCode {
    match code {
        NOT_CONFIGURED => StatusCode::CONFLICT,
        "unsupported" => StatusCode::BAD_REQUEST,
        "recipient_not_found" | "gateway_refused" | REFUSED => StatusCode::UNPROCESSABLE_ENTITY,
        "chat_busy"
        | "interrupted"
        | "sending_unavailable"
        | "store_key_missing"
        | "gateway_not_connected"
        | "in_flight"
        | "store_unavailable"
        | NOT_CONNECTED => StatusCode::SERVICE_UNAVAILABLE,
        "internal" | "file_lost" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_GATEWAY,
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        let status = status_of(&error.code);
        let answer = Self::new(status, &error.code, error.message);
        match status {
            StatusCode::SERVICE_UNAVAILABLE => answer.retry_after(SOON),
            _ => answer,
        }
    }
}

impl From<Unsupported> for ApiError {
    fn from(unsupported: Unsupported) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unsupported", unsupported.message)
            .at(unsupported.pointer)
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Body(_) => Self::incomplete_body(),
            RequestError::Sink(error) => SpoolError::from(error).into(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let answer = Self::new(refusal.status, refusal.code, refusal.message);
        match refusal.pointer {
            Some(pointer) => answer.at(pointer),
            None => answer,
        }
    }
}

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        let (code, words) = match error {
            SpoolError::Full => ("spool_full", "there is no room for more files to send"),
            SpoolError::Altered | SpoolError::Io(_) => {
                tracing::error!(%error, "spool");
                (
                    "spool_unavailable",
                    "the file can't be kept until it is sent",
                )
            }
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, words).retry_after(SOON)
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        let words = error.to_string();
        let (status, code) = match error {
            FileError::Spool(error) => return error.into(),
            FileError::Link(FetchError::Link) => (StatusCode::BAD_REQUEST, "invalid_field"),
            FileError::Link(FetchError::Address(_)) => {
                (StatusCode::BAD_REQUEST, "link_not_allowed")
            }
            FileError::Link(FetchError::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            FileError::Link(
                FetchError::Unreachable(_) | FetchError::Status(_) | FetchError::Redirects,
            )
            | FileError::Broken(_) => (StatusCode::UNPROCESSABLE_ENTITY, "link_unusable"),
        };
        Self::new(status, code, words).at("/url")
    }
}
