//! What is served: the device, at `whatsapp.sock`, to the sidecar alone.

mod device;
mod error;
mod media;
mod pairing;
mod send;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::device::Device;
use error::ApiError;

/// Largest body: a message with its thumbnails, in base64.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// What handlers share.
type Shared = Arc<Device>;

/// Serves until told to stop.
pub(crate) async fn serve(listener: UnixListener, device: Shared, shutdown: CancellationToken) {
    let served = axum::serve(listener, router(device))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the socket is no longer served");
    }
}

fn router(device: Shared) -> Router {
    Router::new()
        .route("/status", get(device::status))
        .route("/start", post(device::start))
        .route("/stop", post(device::stop))
        .route("/logout", post(device::logout))
        .route("/pair/qr", get(pairing::qr))
        .route("/pair/code", post(pairing::code))
        .route("/media-conn", get(media::connection))
        .route("/media-retry", post(media::retry))
        .route("/send", post(send::send))
        .fallback(async || ApiError::not_found())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(device)
}
