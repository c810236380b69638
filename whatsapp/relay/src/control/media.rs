//! Where media are, and what phones answer when they are asked for a file again.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, Shared, phones::done};
use crate::{MediaHosts, MediaRetry};

/// `POST /media-hosts`.
pub(super) async fn hosts(
    State(stage): State<Shared>,
    request: Result<Json<MediaHosts>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(hosts) = request?;
    stage.relay.media_hosts(hosts);
    Ok(done())
}

/// What the phone answers, now or once it is asked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Answer {
    id: String,
    media_key: String,
    direct_path: Option<String>,
}

/// `POST /media-retries`.
pub(super) async fn answer(
    State(stage): State<Shared>,
    request: Result<Json<Answer>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Answer {
        id,
        media_key,
        direct_path,
    }) = request?;
    let media_key = BASE64_STANDARD
        .decode(media_key)
        .map_err(|_| Refusal::invalid("mediaKey: expected base64"))?;
    stage.relay.answer(MediaRetry {
        id,
        media_key,
        direct_path,
    });
    Ok(done())
}

/// `GET /asked/{id}`.
pub(super) async fn asked(State(stage): State<Shared>, Path(id): Path<String>) -> Json<Value> {
    Json(json!({ "asked": stage.relay.was_asked(&id) }))
}
