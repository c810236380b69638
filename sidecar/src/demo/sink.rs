//! The tenant's application in the demo: takes webhooks and checks their signatures.

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};
use url::Url;

use super::DemoError;
use crate::webhook::{Secret, sign};

/// One delivery.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The envelope.
    pub(super) event: Value,
    /// `X-Webhook-Signature` is the HMAC of the raw body.
    pub(super) signature_valid: bool,
}

/// Starts the sink; deliveries come out of the channel.
///
/// # Errors
///
/// When no loopback port can be had.
pub(super) async fn start(
    secret: Secret,
) -> Result<(Url, mpsc::UnboundedReceiver<Delivery>), DemoError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let router = Router::new()
        .route("/hooks", post(take))
        .with_state((secret, sender));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = super::origin(listener.local_addr()?)?.join("hooks")?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, receiver))
}

async fn take(
    State((secret, deliveries)): State<(Secret, mpsc::UnboundedSender<Delivery>)>,
    headers: HeaderMap,
    body: Bytes,
) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = text("webhook-timestamp").and_then(|value| value.parse().ok());
    let expected = sign(
        Some(&secret),
        text("webhook-id").unwrap_or_default(),
        timestamp.unwrap_or_default(),
        &body,
    );
    let signature_valid = expected
        .get("x-webhook-signature")
        .is_some_and(|signature| headers.get("x-webhook-signature") == Some(signature));
    // The demo has ended when nobody listens any more.
    let _ended = deliveries.send(Delivery {
        event: serde_json::from_slice(&body).unwrap_or_default(),
        signature_valid,
    });
}
