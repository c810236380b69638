//! The relay and its plain devices over HTTP, in JSON: README.md lists the calls.
//!
//! Nobody is asked who they are: this is for tests, on loopback or inside a pod.

mod error;
mod history;
mod media;
mod peers;
mod phones;

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::Mutex};

use crate::{Peer, Relay, relay::reachable};
use error::Refusal;

/// Largest body: a message with its thumbnails, in base64.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What the calls are about.
struct Stage {
    relay: Relay,
    /// Devices that were linked here, by number.
    peers: Mutex<HashMap<String, Arc<Peer>>>,
}

type Shared = Arc<Stage>;

/// Where the control is found.
pub fn url(listener: &TcpListener) -> Result<String> {
    Ok(format!("http://{}", reachable(listener.local_addr()?)))
}

/// Serves the relay's control until the task is dropped.
pub async fn serve(listener: TcpListener, relay: Relay) -> Result<()> {
    let stage = Stage {
        relay,
        peers: Mutex::default(),
    };
    Ok(axum::serve(listener, router(Arc::new(stage))).await?)
}

fn router(stage: Shared) -> Router {
    Router::new()
        .route("/scan", post(phones::scan))
        .route("/type", post(phones::type_in))
        .route("/codes", post(phones::codes))
        .route("/groups", post(phones::group))
        .route("/end", post(phones::end))
        .route("/refuse", post(phones::refuse))
        .route("/phones/{phone}", get(phones::phone))
        .route("/attempts", get(phones::attempts))
        .route("/peers", post(peers::link))
        .route("/peers/{phone}/send", post(peers::send))
        .route("/peers/{phone}/send-to-group", post(peers::send_to_group))
        .route("/peers/{phone}/next", get(peers::next))
        .route("/media-hosts", post(media::hosts))
        .route("/media-retries", post(media::answer))
        .route("/asked/{id}", get(media::asked))
        .route("/history", post(history::offer))
        .route("/history/{id}", get(history::taken))
        .fallback(async || Refusal::not_found("nothing is here"))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(stage)
}
