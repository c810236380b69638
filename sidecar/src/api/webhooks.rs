//! Which webhooks a call is about, and the test of them.

use std::sync::Arc;

use axum::{
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Data, ErrorBody, State, auth, error::ApiError, path::Names};
use crate::{
    clock,
    session::Session,
    webhook::{
        Endpoint,
        trial::{Trial, try_out},
    },
};

/// The endpoints of `session`, or the one of that id.
///
/// # Errors
///
/// 409 where the session has none, 404 where none has that id.
pub(super) fn endpoints(session: &Session, id: Option<&str>) -> Result<Vec<Endpoint>, ApiError> {
    let config = session.config();
    if config.endpoints.is_empty() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "webhooks_not_configured",
            "the session names no webhooks",
        ));
    }
    let wanted = |endpoint: &&Endpoint| id.is_none_or(|id| endpoint.id == id);
    let found: Vec<_> = config.endpoints.iter().filter(wanted).cloned().collect();
    if found.is_empty() {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "endpoint_not_found",
            "this session has no webhook endpoint of that id",
        ));
    }
    Ok(found)
}

/// What to test.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Tested {
    /// Id of one endpoint (`ep_…`). Default: every one of the session.
    endpoint: Option<String>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestResult {
    /// Id of the endpoint.
    endpoint: String,
    /// Scheme, host and port of its URL.
    origin: String,
    /// Id of the event that was posted: `webhook-id`.
    event_id: String,
    /// It was taken (2xx).
    delivered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Posts an event `webhook.test` to the session's webhooks, once and at once, whatever events they
/// want, and tells what came of it. Nothing is queued. An endpoint that was disabled by a 410 and
/// takes the test is open again.
#[utoipa::path(
    post, path = "/api/sessions/{session}/webhooks/test", tag = "webhooks",
    operation_id = "testWebhooks",
    params(("session" = String, Path, description = "Session name"), Tested),
    responses(
        (status = 200, description = "Tried", body = Data<Vec<TestResult>>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key; endpoint_not_found", body = ErrorBody),
        (status = 409, description = "webhooks_not_configured", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn test(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    tested: Result<Query<Tested>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Data<Vec<TestResult>>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    let Query(tested) = tested?;
    let endpoints = endpoints(&session, tested.endpoint.as_deref())?;
    let tests = endpoints
        .iter()
        .map(|endpoint| test_one(&session, endpoint));
    Ok(Data {
        data: join_all(tests).await,
    })
}

async fn test_one(session: &Arc<Session>, endpoint: &Endpoint) -> TestResult {
    let client = &session.shared().webhooks;
    let health = session.webhooks();
    let trial = try_out(client, endpoint, session.key(), health, clock::now()).await;
    let Trial { event_id, error } = trial;
    tracing::info!(session = %session.key(), endpoint = endpoint.id, error, "webhook tested");
    TestResult {
        endpoint: endpoint.id.clone(),
        origin: endpoint.origin(),
        event_id,
        delivered: error.is_none(),
        error,
    }
}
