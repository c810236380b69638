//! Linking a device of the session's own: the code that a phone scans, or one that is typed on it.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Data, ErrorBody, State, auth, error::ApiError, path::Names, qr};
use crate::{
    clock,
    device::{CallError, Code, Phase},
    session::{Linked, Session},
};

/// How long a call waits for a code that is on its way.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the code is to come.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Form {
    /// `json` (the default), `image` (PNG) or `text` (blocks, for a terminal).
    format: Option<String>,
}

/// A code to scan. Whoever has it can link a device of their own to the phone: treat it as a password.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QrCode {
    /// The code.
    qr: String,
    /// When another takes its place, in about 20 seconds.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The code as Titan shows it at its short path.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BareQrCode {
    /// The code.
    qr: String,
    /// Always null.
    event: Option<String>,
}

/// Whose phone the code is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Phone {
    /// Its number in international form, such as `+5511999999999`. Default: `spec.source.whatsapp.phoneNumber`.
    phone_number: Option<String>,
}

/// A code to type on the phone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypedCode {
    /// The code.
    code: String,
    /// When it is of no use any more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The code that links a phone, for it to scan. It changes about every 20 seconds; the call waits until there is one.
#[utoipa::path(
    get, path = "/api/sessions/{session}/pair/qr", tag = "sessions",
    operation_id = "getPairingQr",
    params(("session" = String, Path, description = "Session name"), Form),
    responses(
        (status = 200, description = "The code", content(
            (Data<QrCode> = "application/json"), (Vec<u8> = "image/png"), (String = "text/plain"))),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured; already_linked; pairing_stopped", body = ErrorBody),
        (status = 503, description = "pairing_not_ready; device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn qr(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    form: Result<Query<Form>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(form) = form?;
    shown(&session, &form, |code| {
        let Code {
            code: qr,
            expires_at,
        } = code;
        Data {
            data: QrCode { qr, expires_at },
        }
        .into_response()
    })
    .await
}

/// The same at Titan's short path, and in its bare form.
#[utoipa::path(
    get, path = "/api/{session}/pair/qr", tag = "sessions",
    operation_id = "getPairingQrBare",
    params(("session" = String, Path, description = "Session name"), Form),
    responses(
        (status = 200, description = "The code", content(
            (BareQrCode = "application/json"), (Vec<u8> = "image/png"), (String = "text/plain"))),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured; already_linked; pairing_stopped", body = ErrorBody),
        (status = 503, description = "pairing_not_ready; device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn bare_qr(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    form: Result<Query<Form>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(form) = form?;
    shown(&session, &form, |code| {
        let (qr, event) = (code.code, None);
        Json(BareQrCode { qr, event }).into_response()
    })
    .await
}

/// A code to type on the phone, where it can scan none.
#[utoipa::path(
    post, path = "/api/sessions/{session}/pair/code", tag = "sessions",
    operation_id = "createPairingCode",
    params(("session" = String, Path, description = "Session name")),
    request_body(content = Phone, content_type = "application/json"),
    responses(
        (status = 200, description = "The code", body = Data<TypedCode>),
        (status = 400, description = "The number is missing or wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 409, description = "device_not_configured; already_linked; in_progress", body = ErrorBody),
        (status = 502, description = "WhatsApp gave no code", body = ErrorBody),
        (status = 503, description = "device_not_connected; device_unreachable", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn code(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Data<TypedCode>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let device = device(&session)?;
    let phone: Phone = if body.is_empty() {
        Phone::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", error.to_string())
        })?
    };
    let of_spec = || session.config().device.as_ref()?.phone_number.clone();
    let number = phone.phone_number.or_else(of_spec).ok_or_else(|| {
        let words = "phoneNumber is required: spec.source.whatsapp.phoneNumber names none";
        ApiError::new(StatusCode::BAD_REQUEST, "missing_field", words).at("/phoneNumber")
    })?;
    let digits = digits(&number).ok_or_else(|| {
        let words = "phoneNumber must be in international form, such as +5511999999999";
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_field", words).at("/phoneNumber")
    })?;
    let Code { code, expires_at } = device.client().pair_code(&digits).await?;
    Ok(Data {
        data: TypedCode { code, expires_at },
    })
}

/// The session's device.
///
/// # Errors
///
/// 409 where it has none of its own.
pub(super) fn device(session: &Session) -> Result<&Linked, ApiError> {
    session.device().map(AsRef::as_ref).ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "device_not_configured",
            "the session has no linked device of its own (spec.source.whatsapp)",
        )
    })
}

async fn shown(
    session: &Session,
    form: &Form,
    json: impl FnOnce(Code) -> Response,
) -> Result<Response, ApiError> {
    let draw = match form.format.as_deref() {
        None | Some("json") => None,
        Some("image") => Some(("image/png", qr::png as fn(&str) -> Option<Vec<u8>>)),
        Some("text") => Some(("text/plain; charset=utf-8", qr::text as _)),
        Some(_) => {
            return Err(ApiError::bad_parameter(
                "format",
                "must be json, image or text",
            ));
        }
    };
    let code = wait(device(session)?).await?;
    let mut response = match draw {
        None => json(code),
        Some((kind, draw)) => {
            let drawn = draw(&code.code).ok_or_else(not_ready)?;
            ([(header::CONTENT_TYPE, kind)], drawn).into_response()
        }
    };
    let secret = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, secret);
    Ok(response)
}

/// The code, once there is one.
async fn wait(device: &Linked) -> Result<Code, ApiError> {
    let mut codes = device.codes();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        codes.mark_unchanged();
        if let Some(code) = device.code(clock::now()) {
            return Ok(code);
        }
        let Some(status) = device.status() else {
            return Err(CallError::Unreachable.into());
        };
        if status.linked {
            let words = "a phone is linked already: POST …/logout unlinks it";
            return Err(ApiError::new(StatusCode::CONFLICT, "already_linked", words));
        }
        if status.phase == Phase::Disconnected && status.retry_at.is_none() {
            let words = "no code is shown any more: POST …/start shows new ones";
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "pairing_stopped",
                words,
            ));
        }
        // A state may change without a code: it is looked at again.
        let next = tokio::time::timeout(Duration::from_secs(1), codes.changed());
        if next.await.is_err() && tokio::time::Instant::now() > deadline {
            return Err(not_ready());
        }
    }
}

fn not_ready() -> ApiError {
    let words = "there is no code yet";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "pairing_not_ready", words)
        .retry_after(Duration::from_secs(2))
}

/// The digits of a number in international form.
fn digits(number: &str) -> Option<String> {
    let number = number.trim();
    let number = number.strip_prefix('+').unwrap_or(number);
    let digits: String = number
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')'))
        .collect();
    let fits = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    fits.then_some(digits)
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let words = error.to_string();
        let unavailable = |code: &str| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, words.clone())
                .retry_after(Duration::from_secs(5))
        };
        match &error {
            CallError::Unreachable => unavailable("device_unreachable"),
            CallError::Refused { code, .. } if code == "not_connected" => {
                unavailable("device_not_connected")
            }
            CallError::Refused { status, code, .. } if status.is_client_error() => {
                Self::new(*status, code, words)
            }
            CallError::Refused { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "whatsapp_refused", words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_as_people_write_it() {
        assert_eq!(
            digits("+55 (11) 99999-9999").as_deref(),
            Some("5511999999999")
        );
        for wrong in [
            "",
            "+",
            "0049170",
            "12345",
            "1234567890123456",
            "+49x1701234567",
        ] {
            assert_eq!(digits(wrong), None, "{wrong}");
        }
    }
}
