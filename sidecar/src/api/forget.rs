//! Forget a file's record; its object belongs to the tenant and stays.

use axum::{extract::State as Extract, http::HeaderMap};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Data, ErrorBody, State, error::ApiError, media::find, path::Names};
use crate::{clock, store::Forgotten};

/// What a forgotten record knew of its object.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForgottenMedia {
    /// Media id.
    id: String,
    /// WhatsApp's id of the message that carried it.
    message_id: String,
    /// Bucket of the object; absent where nobody began to save the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    /// Key of the object. A save that was under way may still put it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Forgets a file: its key, its reference and its state. The object is never touched; its key is
/// returned. A redelivery of the message does not bring the record back.
#[utoipa::path(
    delete, path = "/api/sessions/{session}/media/{media}", tag = "media",
    operation_id = "forgetMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id")
    ),
    responses(
        (status = 200, description = "Forgotten", body = Data<ForgottenMedia>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key, or forgotten before", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn forget(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Data<ForgottenMedia>, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    let forgotten = session.store().forget(&record.id, clock::now()).await?;
    let Forgotten {
        message_id,
        bucket,
        key,
    } = forgotten.ok_or_else(ApiError::media_not_found)?;
    tracing::info!(session = %session.key(), media = %record.id, "forgotten");
    // Whoever waits for the file need not wait any longer.
    session.media_changed();
    Ok(Data {
        data: ForgottenMedia {
            id: record.id.0,
            message_id,
            bucket,
            key,
        },
    })
}
