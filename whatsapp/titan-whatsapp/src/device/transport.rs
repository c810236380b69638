//! The connection to WhatsApp as the library makes it, or the same through a proxy, and a word in our log where that fails:
//! the library's own is not heard.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use http::{HeaderValue, Uri, header};
use tokio_websockets::ClientBuilder;
use wacore::net::{WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL};
use whatsapp_rust::{
    async_channel::Receiver,
    transport::{
        TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory, from_websocket,
    },
};

use super::dial::Dialer;

type Made = (Arc<dyn Transport>, Receiver<TransportEvent>);

/// Makes connections.
pub(crate) struct Transports {
    inner: TokioWebSocketTransportFactory,
    url: String,
    dialer: Arc<Dialer>,
}

impl Transports {
    /// To WhatsApp, or to another server.
    pub(crate) fn new(endpoint: Option<&str>, dialer: Arc<Dialer>) -> Self {
        let url = endpoint.unwrap_or(WHATSAPP_WEB_WS_URL).to_owned();
        Self {
            inner: TokioWebSocketTransportFactory::new().with_url(&url),
            url,
            dialer,
        }
    }

    async fn through_proxy(&self) -> anyhow::Result<Made> {
        let uri: Uri = self.url.parse()?;
        let host = uri.host().context("no host")?;
        let stream = if uri.scheme_str() == Some("wss") {
            let port = uri.port_u16().unwrap_or(443);
            self.dialer.dial_tls(host, port).await?
        } else {
            let port = uri.port_u16().unwrap_or(80);
            self.dialer.dial(host, port).await?
        };
        let origin = HeaderValue::from_static(WHATSAPP_WEB_ORIGIN);
        let (socket, _answer) = ClientBuilder::from_uri(uri.clone())
            .add_header(header::ORIGIN, origin)?
            .connect_on(stream)
            .await?;
        Ok(from_websocket(socket))
    }
}

#[async_trait]
impl TransportFactory for Transports {
    async fn create_transport(&self) -> anyhow::Result<Made> {
        let made = if self.dialer.proxied() {
            self.through_proxy().await
        } else {
            self.inner.create_transport().await
        };
        if let Err(error) = &made {
            tracing::warn!(error = format!("{error:#}"), "WhatsApp can't be reached");
        }
        made
    }
}
