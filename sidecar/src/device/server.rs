//! What the program that holds the device calls: messages that came, and what else happened. A message
//! is acknowledged to WhatsApp only after the answer here is 2xx, and that is after the commit.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use serde::Deserialize;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::words::Happening;
use crate::{clock, inbound, session::Session};

/// Largest body, bytes: 4 MiB of messages in base64, and what is around each.
const MOST: usize = 16 << 20;

/// Listens at `sidecar.sock` in `folder`, which is made where it is missing.
///
/// # Errors
///
/// When it can't be listened at.
pub fn listen(folder: &Path) -> io::Result<UnixListener> {
    fs::create_dir_all(folder)?;
    let path = folder.join("sidecar.sock");
    // Left by a process before this one: the session's lock says that there is no other.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes calls until `stop`; what was begun is answered.
pub async fn serve(listener: UnixListener, session: Arc<Session>, stop: CancellationToken) {
    let key = session.key().clone();
    let router = Router::new()
        .route("/messages", post(messages))
        .route("/history", post(super::history::take))
        .route("/events", post(events))
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(session);
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = server.await {
        tracing::error!(session = %key, %error, "the device can't reach the session any more");
    }
}

async fn messages(State(session): State<Arc<Session>>, body: Bytes) -> StatusCode {
    let parsed = match inbound::device(&body) {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::error!(session = %session.key(), error = %error.message, "the device's messages can't be read");
            return StatusCode::BAD_REQUEST;
        }
    };
    let ignored = parsed.ignored as u64;
    match session.accept(parsed.messages, clock::now()).await {
        Ok(accepted) => {
            let new = accepted.iter().filter(|accepted| accepted.new).count() as u64;
            let duplicates = accepted.len() as u64 - new;
            let metrics = &session.shared().metrics;
            metrics.count_inbound(new, duplicates, ignored);
            StatusCode::NO_CONTENT
        }
        Err(error) => {
            tracing::warn!(session = %session.key(), %error, "the device's messages wait");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Happening>,
}

async fn events(State(session): State<Arc<Session>>, Json(body): Json<Events>) -> StatusCode {
    for event in body.events {
        if let Err(error) = session.happened(event, clock::now()).await {
            // All of them come again; what is told twice has one id.
            tracing::warn!(session = %session.key(), %error, "what the device says waits");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    StatusCode::NO_CONTENT
}
