//! Media records: one, or a page of them.

use std::sync::Arc;

use axum::{
    extract::{Query, State as Extract},
    http::HeaderMap,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Data, ErrorBody, State, auth,
    error::ApiError,
    media_info::{MediaInfo, MediaInfos},
    page,
    path::Names,
};
use crate::{
    clock,
    config::Storage,
    media::MediaKind,
    message::MediaId,
    session::Session,
    store::{MediaFilter, MediaRecord, MediaStatus},
    transfer::TransferError,
};

/// Finds a record for whoever asks.
pub(super) async fn find(
    state: &State,
    headers: &HeaderMap,
    session: &str,
    media: String,
) -> Result<(Arc<Session>, MediaRecord), ApiError> {
    let session = auth::open_api(&state.registry, session, headers)?;
    let record = session
        .store()
        .media(&MediaId(media))
        .await?
        .ok_or_else(ApiError::media_not_found)?;
    Ok((session, record))
}

/// What the sender described wrongly is never fetched, whatever the caller has of it.
pub(super) fn refuse_faulty(record: &MediaRecord) -> Result<(), ApiError> {
    match &record.reference.fault {
        Some(fault) => Err(TransferError::Invalid(fault.clone()).into()),
        None => Ok(()),
    }
}

/// 409 where the session has no storage at all.
pub(super) fn require_storage(session: &Session) -> Result<(), ApiError> {
    if matches!(session.config().storage, Storage::NotConfigured) {
        session.bucket()?;
    }
    Ok(())
}

/// What is known of a media file; nothing is fetched.
#[utoipa::path(
    get, path = "/api/sessions/{session}/media/{media}", tag = "media",
    operation_id = "getMedia",
    params(
        ("session" = String, Path, description = "Session name"),
        ("media" = String, Path, description = "Media id")
    ),
    responses(
        (status = 200, description = "The record", body = Data<MediaInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session or media for this key", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn show(
    Extract(state): Extract<State>,
    Names((session, media)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Data<MediaInfo>, ApiError> {
    let (session, record) = find(&state, &headers, &session, media).await?;
    Ok(Data {
        data: session.info(&record, clock::now()),
    })
}

/// Filters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Filter {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// `received`, `queued`, `running`, `waiting`, `stored` or `failed`.
    #[param(value_type = Option<String>)]
    status: Option<MediaStatus>,
    /// `image`, `video`, `audio`, `document` or `sticker`.
    #[param(value_type = Option<String>)]
    kind: Option<MediaKind>,
    /// Received at or after this time (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// WhatsApp message id.
    message_id: Option<String>,
    /// Records per page, 1 to 500.
    limit: Option<usize>,
}

/// A page of media.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    /// Newest first.
    data: Vec<MediaInfo>,
    /// For the next page, opaque; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The session's media, newest first.
#[utoipa::path(
    get, path = "/api/sessions/{session}/media", tag = "media",
    operation_id = "listMedia",
    params(("session" = String, Path, description = "Session name"), Filter),
    responses(
        (status = 200, description = "A page", body = Page),
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
    headers: HeaderMap,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<axum::Json<Page>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(filter) = filter?;
    let page = session
        .store()
        .list(MediaFilter {
            cursor: page::cursor(filter.cursor.as_deref())?,
            status: filter.status,
            kind: filter.kind,
            since: filter.since,
            message_id: filter.message_id,
            limit: page::size(filter.limit)?,
        })
        .await?;
    let now = clock::now();
    Ok(axum::Json(Page {
        data: page
            .records
            .iter()
            .map(|record| session.info(record, now))
            .collect(),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
    }))
}
