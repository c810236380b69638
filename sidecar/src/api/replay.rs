//! Deliver again: one event, or all of a time.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Data, ErrorBody, State, auth, error::ApiError, path::Names, webhooks::endpoints};
use crate::{
    clock,
    store::{Audience, Replay, ReplayedEvents, Wanting},
    webhook::Endpoint,
};

/// What to deliver again: `id`, or `since` and perhaps `until`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Id of one event (`evt_…`).
    id: Option<String>,
    /// Events that came about at or after this time (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Events that came about before this time. Default: now.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// `dead`: what was given up, the default with `since`. `delivered`: what was taken. `all`: both,
    /// the default with `id`.
    #[param(value_type = Option<String>)]
    status: Option<Finished>,
    /// Only to this endpoint (`ep_…`).
    endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Finished {
    Dead,
    Delivered,
    All,
}

/// What was queued.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replayed {
    /// Deliveries queued by this call: one for each event and endpoint.
    queued: u64,
}

/// Delivers events again, under their old ids and in the order of each chat; attempts are counted
/// anew. Idempotent: what is on its way already is not queued twice. What was given up because its
/// endpoint left the configuration goes to those that want it now. Delivered events are kept for
/// seven days.
#[utoipa::path(
    post, path = "/api/sessions/{session}/webhooks/replay", tag = "webhooks",
    operation_id = "replayWebhooks",
    params(("session" = String, Path, description = "Session name"), Which),
    responses(
        (status = 202, description = "Queued", body = Data<Replayed>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key; endpoint_not_found, event_not_found", body = ErrorBody),
        (status = 409, description = "webhooks_not_configured", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn replay(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Data<Replayed>>), ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(which) = which?;
    let now = clock::now();
    let (events, usual) = which.events(now)?;
    let status = which.status.unwrap_or(usual);
    let endpoints = endpoints(&session, which.endpoint.as_deref())?;
    for endpoint in &endpoints {
        session.webhooks().reopen(&endpoint.id);
    }
    let by_id = matches!(events, ReplayedEvents::Id(_));
    let replay = Replay {
        events,
        dead: status != Finished::Delivered,
        delivered: status != Finished::Dead,
        audience: audience(endpoints, which.endpoint.is_none()),
    };
    let replayed = session.store().replay(replay, now).await?;
    if by_id && replayed.events == 0 {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "event_not_found",
            "no event of that id is kept",
        ));
    }
    let queued = replayed.queued;
    tracing::info!(session = %session.key(), queued, "deliveries replayed");
    let data = Replayed { queued };
    Ok((StatusCode::ACCEPTED, Json(Data { data })))
}

impl Which {
    /// The events, and which deliveries of them go where the caller does not say.
    fn events(&self, now: Timestamp) -> Result<(ReplayedEvents, Finished), ApiError> {
        match (&self.id, self.since, self.until) {
            (Some(id), None, None) if !id.is_empty() => {
                Ok((ReplayedEvents::Id(id.clone()), Finished::All))
            }
            (None, Some(since), until) => {
                if until.is_some_and(|until| until <= since) {
                    return Err(ApiError::bad_parameter("until", "not after since"));
                }
                let until = until.unwrap_or(now);
                Ok((ReplayedEvents::Between(since, until), Finished::Dead))
            }
            (Some(_), ..) => Err(ApiError::bad_parameter("id", "empty, or beside a time")),
            (None, None, _) => Err(ApiError::bad_parameter("id", "this or since is needed")),
        }
    }
}

/// With `inherits`, what a removed endpoint left goes to those of them that want it.
fn audience(endpoints: Vec<Endpoint>, inherits: bool) -> Audience {
    let ids = endpoints.iter().map(|endpoint| endpoint.id.clone());
    Audience {
        endpoints: ids.collect(),
        heirs: inherits.then(|| heirs(endpoints)),
    }
}

fn heirs(endpoints: Vec<Endpoint>) -> Wanting {
    Arc::new(move |event| {
        let wanting = endpoints.iter().filter(|endpoint| endpoint.wants(event));
        wanting.map(|endpoint| endpoint.id.clone()).collect()
    })
}
