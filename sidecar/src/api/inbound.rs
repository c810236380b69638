//! A gateway's webhook: parsed, stored, then 202.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Query, Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Data, ErrorBody, State,
    auth::{self, Scope},
    error::ApiError,
    oversize,
    path::Names,
};
use crate::{clock, inbound, message::Incoming, metrics::Metrics, session::Session};

/// Parameters of `/inbound`: only a bare protobuf Message needs more than `format`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Parameters {
    /// The gateway's shape, where detection should not decide.
    format: Option<String>,
    /// WhatsApp message id (`protobuf-message` only).
    message_id: Option<String>,
    /// Chat JID (`protobuf-message` only).
    chat: Option<String>,
    /// Sender in a group (`protobuf-message` only).
    participant: Option<String>,
    /// Sent by the session's own account (`protobuf-message` only).
    from_me: Option<bool>,
    /// Unix seconds (`protobuf-message` only).
    timestamp: Option<i64>,
}

/// What became of a request's messages.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Receipt {
    /// Messages that are new and on disk now.
    accepted: usize,
    /// Messages that were here before.
    duplicates: usize,
    /// Events that are no messages.
    ignored: usize,
    /// Media of the request's messages, new and known.
    media: Vec<ReceiptMedia>,
}

/// One media file of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptMedia {
    /// Id for the media routes.
    media_id: String,
    /// WhatsApp message id.
    message_id: String,
}

/// wuzapi's form; what stands beside the event is not read.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "a schema of the document; `inbound::parse` reads the form"
)]
#[schema(rename_all = "camelCase")]
struct Form {
    /// The event, as JSON text.
    json_data: String,
}

/// Hands in a gateway's webhook.
#[utoipa::path(
    post, path = "/api/sessions/{session}/inbound", tag = "inbound",
    operation_id = "takeInbound",
    params(("session" = String, Path, description = "Session name"), Parameters),
    request_body(
        content(
            (inline(serde_json::Value) = "application/json"),
            (inline(Form) = "application/x-www-form-urlencoded"),
            (inline(Form) = "multipart/form-data"),
            (Vec<u8> = "application/x-protobuf"),
        ),
        description = "Any supported gateway shape"
    ),
    responses(
        (status = 202, description = "On disk", body = Data<Receipt>),
        (status = 400, description = "The gateway's fault; nothing was taken", body = ErrorBody),
        (status = 401, description = "No or unknown key, no valid signature", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 413, description = "Body over the limit", body = ErrorBody),
        (status = 415, description = "Neither JSON nor protobuf nor a form", body = ErrorBody),
        (status = 503, description = "The store can't take it now", body = ErrorBody),
    ),
    security(("key" = []), ("wahaHmac" = []), ("wuzapiHmac" = []))
)]
pub(super) async fn receive(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<(StatusCode, Json<Data<Receipt>>), ApiError> {
    let opening = auth::open_inbound(&state.registry, &session, request.headers())?;
    let (headers, body) = read(&state, request).await?;
    let session = opening.admit(&body)?;
    take(&state, &session, parameters, &headers, body).await
}

/// Hands in a gateway's webhook; the key is the last part of the path.
#[utoipa::path(
    post, path = "/api/sessions/{session}/inbound/{token}", tag = "inbound",
    operation_id = "takeInboundByToken",
    params(
        ("session" = String, Path, description = "Session name"),
        ("token" = String, Path, description = "Inbound key"),
        Parameters
    ),
    request_body(
        content(
            (inline(serde_json::Value) = "application/json"),
            (inline(Form) = "application/x-www-form-urlencoded"),
            (inline(Form) = "multipart/form-data"),
            (Vec<u8> = "application/x-protobuf"),
        ),
        description = "Any supported gateway shape"
    ),
    responses(
        (status = 202, description = "On disk", body = Data<Receipt>),
        (status = 400, description = "The gateway's fault; nothing was taken", body = ErrorBody),
        (status = 401, description = "Unknown key", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 413, description = "Body over the limit", body = ErrorBody),
        (status = 415, description = "Neither JSON nor protobuf nor a form", body = ErrorBody),
        (status = 503, description = "The store can't take it now", body = ErrorBody),
    )
)]
pub(super) async fn receive_by_token(
    Extract(state): Extract<State>,
    Names((session, token)): Names<(String, String)>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<(StatusCode, Json<Data<Receipt>>), ApiError> {
    let session = auth::authorise(&state.registry, &session, Some(&token), Scope::Inbound)?;
    let (headers, body) = read(&state, request).await?;
    take(&state, &session, parameters, &headers, body).await
}

async fn take(
    state: &State,
    session: &Arc<Session>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Data<Receipt>>), ApiError> {
    let Query(parameters) = parameters?;
    let parsed = parse(headers, &parameters, &body)?;
    drop(body);
    let mut receipt = Receipt {
        ignored: parsed.ignored,
        ..Receipt::default()
    };
    if !parsed.messages.is_empty() {
        let keys: Vec<_> = parsed.messages.iter().map(trace(session)).collect();
        for (accepted, trace) in session
            .accept(parsed.messages, clock::now())
            .await?
            .into_iter()
            .zip(keys)
        {
            tracing::info!(session = %session.key(), trace, new = accepted.new, "message taken");
            receipt.count(accepted);
        }
    }
    receipt.measure(&state.metrics);
    Ok((StatusCode::ACCEPTED, Json(Data { data: receipt })))
}

fn trace(session: &Session) -> impl Fn(&Incoming) -> String {
    move |message| message.key.trace_id(session.key())
}

impl Receipt {
    fn measure(&self, metrics: &Metrics) {
        let counts = [self.accepted, self.duplicates, self.ignored];
        let [accepted, duplicates, ignored] = counts.map(|count| count as u64);
        metrics.count_inbound(accepted, duplicates, ignored);
    }

    fn count(&mut self, accepted: crate::store::Accepted) {
        if accepted.new {
            self.accepted += 1;
        } else {
            self.duplicates += 1;
        }
        self.media.extend(
            accepted
                .media
                .into_iter()
                .map(|(id, message_id)| ReceiptMedia {
                    media_id: id.0,
                    message_id,
                }),
        );
    }
}

fn parse(
    headers: &HeaderMap,
    parameters: &Parameters,
    body: &[u8],
) -> Result<inbound::Parsed, ApiError> {
    let format = parameters
        .format
        .as_deref()
        .map(|name| {
            inbound::Format::ALL
                .into_iter()
                .find(|format| format.name() == name)
                .ok_or_else(|| ApiError::bad_parameter("format", "no such format"))
        })
        .transpose()?;
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    Ok(inbound::parse(inbound::Request {
        content_type,
        format,
        query: inbound::Query {
            message_id: parameters.message_id.clone(),
            chat: parameters.chat.clone(),
            participant: parameters.participant.clone(),
            from_me: parameters.from_me,
            timestamp: parameters.timestamp,
        },
        body,
    })?)
}

async fn read(state: &State, request: Request) -> Result<(HeaderMap, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, state.inbound_max_bytes).await?;
    Ok((parts.headers, body))
}

/// Reads at most `limit` bytes.
async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let Some(mut body) = oversize::refuse(headers, body, limit as u64).await else {
        return Err(too_large(limit));
    };
    match Limited::new(&mut body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            oversize::drop_rest(body).await;
            Err(too_large(limit))
        }
        Err(_) => Err(ApiError::incomplete_body()),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!(
            "the body is larger than {limit} bytes; tell the gateway not to send files as base64 \
             (Evolution API: webhook base64: false; WAHA: WHATSAPP_DOWNLOAD_MEDIA=false; \
             wuzapi: -skipmedia), the sidecar fetches them itself"
        ),
    )
}
