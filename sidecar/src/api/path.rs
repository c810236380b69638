//! The names in a path, decoded; what can't be decoded is an error of the API's own shape.

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{State, auth, error::ApiError};

/// Like axum's [`Path`], but a stranger hears 401 first, and everybody JSON.
#[derive(Debug)]
pub(super) struct Names<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Names<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(rejection) => {
                auth::require_any(&state.registry, &parts.headers)?;
                let why = rejection.body_text();
                Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_path", why))
            }
        }
    }
}
