//! The sessions that a key opens.

use axum::{extract::State as Extract, http::HeaderMap};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Data, ErrorBody, State, auth, error::ApiError, path::Names};
use crate::{
    device::Phase,
    session::{
        Linked, Session,
        device::{phone_number, reason_name},
    },
    store::Depths,
};

/// A session as its key holder sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionInfo {
    /// API name.
    name: String,
    /// `running` or `suspended`.
    state: &'static str,
    /// State of the bucket: `Ready`, or the reason why not, such as `StorageNotConfigured`; empty before
    /// the first check.
    storage: String,
    /// When its resource was made; a file on its own names no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// The linked device, where the session has one of its own.
    #[serde(flatten)]
    device: DeviceInfo,
    /// How much is where.
    counters: Counters,
}

/// A linked device, in Titan's words; empty where the session has none.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceInfo {
    /// Whether it is connected: `CONNECTING`, `CONNECTED` or `DISCONNECTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    status: Option<Phase>,
    /// Why it is not, such as `SCAN_QR`, `AUTO_RECONNECT` or `LOGGED_OUT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    /// What is wrong with it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Number of its phone, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    /// The account's name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    push_name: Option<String>,
    /// Name of the business, of WhatsApp Business accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    business_name: Option<String>,
    /// What the phone runs, in WhatsApp's words, such as `smba` or `android`.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    /// The account's address without its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    lid: Option<String>,
    /// Since when its status is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl From<&Linked> for DeviceInfo {
    fn from(device: &Linked) -> Self {
        let status = device.status().unwrap_or_default();
        Self {
            status: Some(status.phase),
            status_reason: reason_name(&status),
            phone_number: phone_number(&status),
            problem: status.problem,
            push_name: status.push_name,
            business_name: status.business_name,
            platform: status.platform,
            lid: status.lid,
            updated_at: status.since,
        }
    }
}

/// Records and events by state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the states of the API")]
pub(super) struct Counters {
    /// Media known and not asked to be saved.
    pub received: u64,
    /// Media waiting for a slot.
    pub queued: u64,
    /// Media on their way.
    pub running: u64,
    /// Media to be tried again.
    pub waiting: u64,
    /// Media in the bucket.
    pub stored: u64,
    /// Media given up.
    pub failed: u64,
    /// Events that wait for their object.
    pub events_held: u64,
    /// Deliveries to do.
    pub deliveries_pending: u64,
    /// Deliveries given up.
    pub deliveries_dead: u64,
    /// Messages to send that wait or are on their way.
    pub sends_open: u64,
}

impl From<Depths> for Counters {
    fn from(depths: Depths) -> Self {
        let Depths {
            received,
            queued,
            running,
            waiting,
            stored,
            failed,
            events_held,
            deliveries_pending,
            deliveries_dead,
            sends_open,
        } = depths;
        Self {
            received,
            queued,
            running,
            waiting,
            stored,
            failed,
            events_held,
            deliveries_pending,
            deliveries_dead,
            sends_open,
        }
    }
}

pub(super) async fn info(session: &Session) -> Result<SessionInfo, ApiError> {
    let config = session.config();
    Ok(SessionInfo {
        name: session.key().session.clone(),
        created_at: config.created_at,
        state: if config.suspended {
            "suspended"
        } else {
            "running"
        },
        storage: session.bucket_verdict().reason,
        device: session
            .device()
            .map(|device| device.as_ref().into())
            .unwrap_or_default(),
        counters: session.store().depths().await?.into(),
    })
}

/// The sessions that this key opens.
#[utoipa::path(
    get, path = "/api/sessions", tag = "sessions",
    operation_id = "listSessions",
    responses(
        (status = 200, description = "The sessions", body = Data<Vec<SessionInfo>>),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Data<Vec<SessionInfo>>, ApiError> {
    let token = auth::bearer(&headers).ok_or_else(auth::unauthorised)?;
    let sessions = state.registry.opened_by(token);
    if sessions.is_empty() {
        return Err(auth::unauthorised());
    }
    let mut data = Vec::with_capacity(sessions.len());
    for session in sessions {
        data.push(info(&session).await?);
    }
    Ok(Data { data })
}

/// One session.
#[utoipa::path(
    get, path = "/api/sessions/{session}", tag = "sessions",
    operation_id = "getSession",
    params(("session" = String, Path, description = "Session name")),
    responses(
        (status = 200, description = "The session", body = Data<SessionInfo>),
        (status = 400, description = "The path can not be read", body = ErrorBody),
        (status = 401, description = "No or unknown key", body = ErrorBody),
        (status = 403, description = "The key opens /inbound only", body = ErrorBody),
        (status = 404, description = "No such session for this key", body = ErrorBody),
        (status = 503, description = "The session's store does not answer", body = ErrorBody),
    ),
    security(("key" = []))
)]
pub(super) async fn show(
    Extract(state): Extract<State>,
    Names(session): Names<String>,
    headers: HeaderMap,
) -> Result<Data<SessionInfo>, ApiError> {
    let session = auth::open_api(&state.registry, &session, &headers)?;
    Ok(Data {
        data: info(&session).await?,
    })
}
