//! Linking the device to a phone. Codes are credentials: they are in the answer and nowhere else.

use axum::{Json, extract::State, extract::rejection::JsonRejection};
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use wacore::pair_code::PairCodeError;
use whatsapp_rust::pair_code::{PairCodeOptions, PairError};

use super::{ApiError, Shared};
use crate::{clock, device::Code};

/// How long WhatsApp accepts a code that is typed.
const CODE_LIVES: SignedDuration = SignedDuration::from_secs(180);

/// `GET /pair/qr`.
pub(super) async fn qr(State(device): State<Shared>) -> Result<Json<Code>, ApiError> {
    if device.identity().linked {
        return Err(already_linked());
    }
    let no_code = || {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_code",
            "there is no code to scan now",
        )
    };
    device.code(clock::now()).map(Json).ok_or_else(no_code)
}

/// What `POST /pair/code` takes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    phone_number: String,
}

/// `POST /pair/code`: a code to type on the phone with this number.
pub(super) async fn code(
    State(device): State<Shared>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Code>, ApiError> {
    let Json(request) = request?;
    if device.identity().linked {
        return Err(already_linked());
    }
    let phone_number: String = request
        .phone_number
        .chars()
        .filter(|letter| !matches!(letter, '+' | ' ' | '-'))
        .collect();
    let digits = phone_number.chars().all(|letter| letter.is_ascii_digit());
    if !digits || !(7..=15).contains(&phone_number.len()) || phone_number.starts_with('0') {
        return Err(ApiError::invalid(
            "phoneNumber: expected a number with its country code",
        ));
    }
    let unready = || {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_connected",
            "the device is not ready to be linked",
        )
    };
    // WhatsApp takes such a question only from a device that shows codes.
    device.code(clock::now()).ok_or_else(unready)?;
    let client = device.client().ok_or_else(unready)?;
    let options = PairCodeOptions {
        phone_number,
        ..PairCodeOptions::default()
    };
    let code = client
        .pair_with_code(options)
        .await
        .map_err(|error| refused(&error))?;
    let now = clock::now();
    Ok(Json(Code {
        code,
        expires_at: now.saturating_add(CODE_LIVES).unwrap_or(now),
    }))
}

fn already_linked() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "already_linked",
        "the device is linked",
    )
}

fn refused(error: &PairError) -> ApiError {
    if let PairError::PairCode(PairCodeError::CodeAlreadyOutstanding { .. }) = error {
        return ApiError::new(
            StatusCode::CONFLICT,
            "in_progress",
            "an earlier code can still be typed",
        );
    }
    tracing::warn!("WhatsApp gave no code to type");
    ApiError::new(
        StatusCode::BAD_GATEWAY,
        "refused",
        "WhatsApp gave no code for this number",
    )
}
