//! What the sidecar needs to move files: where from and where to, and files again that are gone.

use axum::{
    Json,
    extract::{RawQuery, State, rejection::JsonRejection},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;

use super::{ApiError, Shared};
use crate::device::{Question, RetryError};

/// Answer of `GET /media-conn`. The token is a credential for uploads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    auth: String,
    ttl: u64,
    auth_ttl: Option<u64>,
    hosts: Vec<Host>,
}

#[derive(Serialize)]
struct Host {
    hostname: String,
    #[serde(rename = "type")]
    kind: String,
    fallback: Option<String>,
}

/// `GET /media-conn`: as the library has it, or asked for anew when that is too old, or of no use (`?fresh=true`).
pub(super) async fn connection(
    State(device): State<Shared>,
    RawQuery(wanted): RawQuery,
) -> Result<Json<Connection>, ApiError> {
    let client = device.connected()?;
    let fresh = wanted.as_deref() == Some("fresh=true");
    let connection = client.refresh_media_conn(fresh).await.map_err(|error| {
        tracing::warn!(%error, "WhatsApp named no media hosts");
        ApiError::new(
            StatusCode::BAD_GATEWAY,
            "refused",
            "WhatsApp named no media hosts",
        )
    })?;
    let hosts = connection.hosts.into_iter().map(|host| Host {
        hostname: host.hostname,
        kind: host.host_type.as_str().to_owned(),
        fallback: host.fallback_hostname,
    });
    Ok(Json(Connection {
        auth: connection.auth,
        ttl: connection.ttl,
        auth_ttl: connection.auth_ttl,
        hosts: hosts.collect(),
    }))
}

/// What `POST /media-retry` takes: which message's file, and the key that is in the message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retry {
    id: String,
    chat: String,
    #[serde(default)]
    participant: Option<String>,
    #[serde(default)]
    from_me: bool,
    media_key: String,
}

/// `POST /media-retry`: asks the phone to upload a file again. The answer comes as an event.
pub(super) async fn retry(
    State(device): State<Shared>,
    request: Result<Json<Retry>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(request) = request?;
    let question = request.question()?;
    device
        .ask_again(question)
        .await
        .map_err(|error| match error {
            RetryError::NotConnected(error) => error.into(),
            RetryError::Seal => ApiError::invalid(error.to_string()),
            RetryError::Send(_) => {
                ApiError::new(StatusCode::BAD_GATEWAY, "send_failed", error.to_string())
            }
        })?;
    Ok(StatusCode::ACCEPTED)
}

impl Retry {
    fn question(self) -> Result<Question, ApiError> {
        let jid = |text: &str| {
            text.parse::<Jid>()
                .map_err(|_| ApiError::invalid("expected an address"))
        };
        if self.id.is_empty() {
            return Err(ApiError::invalid("id: expected a message's id"));
        }
        let media_key = BASE64_STANDARD
            .decode(&self.media_key)
            .ok()
            .filter(|key| key.len() == 32);
        Ok(Question {
            id: self.id,
            chat: jid(&self.chat)?,
            participant: self.participant.as_deref().map(jid).transpose()?,
            from_me: self.from_me,
            media_key: media_key
                .ok_or_else(|| ApiError::invalid("mediaKey: expected 32 bytes in base64"))?,
        })
    }
}
