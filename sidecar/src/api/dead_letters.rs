//! What was given up: listed, to be looked at and replayed.

use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::HeaderMap,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ErrorBody, State, auth, error::ApiError, page, path::Names};
use crate::{
    config::SessionConfig,
    store::{DeadLetter, DeadLetterFilter},
    webhook::Endpoint,
};

/// Filters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Filter {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Id of an endpoint (`ep_…`).
    endpoint: Option<String>,
    /// Given up at or after this time (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Letters per page, 1 to 500.
    limit: Option<usize>,
}

/// A delivery that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Letter {
    /// Id of the event: what `replay?id=` takes.
    event_id: String,
    /// Name of the event.
    #[schema(example = "message.received")]
    event: String,
    /// Id of the endpoint.
    endpoint: String,
    /// Scheme, host and port of its URL; absent where it left the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// Chat of the event.
    chat_id: String,
    /// WhatsApp's id of the message that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// Attempts that were made.
    attempts: u32,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When the event came about.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was given up.
    #[schema(value_type = String, format = DateTime)]
    died_at: Timestamp,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Letters {
    /// Newest first.
    data: Vec<Letter>,
    /// For the next page, opaque; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Deliveries that were given up, newest first. They are kept as long as the records of their
/// messages.
#[utoipa::path(
    get, path = "/api/sessions/{session}/webhooks/dead-letters", tag = "webhooks",
    operation_id = "listDeadLetters",
    params(("session" = String, Path, description = "Session name"), Filter),
    responses(
        (status = 200, description = "A page", body = Letters),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    filter: Result<Query<Filter>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Letters>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(filter) = filter?;
    let page = session
        .store()
        .dead_letters(DeadLetterFilter {
            cursor: page::cursor(filter.cursor.as_deref())?,
            endpoint: filter.endpoint,
            since: filter.since,
            limit: page::size(filter.limit)?,
        })
        .await?;
    let config = session.config();
    let letters = page.letters.into_iter();
    Ok(Json(Letters {
        data: letters.map(|letter| shown(&config, letter)).collect(),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
    }))
}

fn shown(config: &SessionConfig, letter: DeadLetter) -> Letter {
    let DeadLetter {
        event_id,
        event,
        endpoint,
        chat,
        message_id,
        attempts,
        error,
        created_at,
        died_at,
    } = letter;
    let known = config.endpoints.iter().find(|known| known.id == endpoint);
    Letter {
        origin: known.map(Endpoint::origin),
        event_id,
        event,
        endpoint,
        chat_id: chat,
        message_id,
        attempts,
        error,
        created_at,
        died_at,
    }
}
