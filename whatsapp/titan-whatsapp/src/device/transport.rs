//! The connection to WhatsApp as the library makes it, and a word in our log where that fails: the library's own is not
//! heard.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::{
    async_channel::Receiver,
    transport::{TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory},
};

/// Makes connections.
pub(crate) struct Transports {
    inner: TokioWebSocketTransportFactory,
}

impl Transports {
    /// To WhatsApp, or to another server.
    pub(crate) fn new(endpoint: Option<&str>) -> Self {
        let inner = TokioWebSocketTransportFactory::new();
        Self {
            inner: match endpoint {
                Some(url) => inner.with_url(url),
                None => inner,
            },
        }
    }
}

#[async_trait]
impl TransportFactory for Transports {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let made = self.inner.create_transport().await;
        if let Err(error) = &made {
            tracing::warn!(error = format!("{error:#}"), "WhatsApp can't be reached");
        }
        made
    }
}
