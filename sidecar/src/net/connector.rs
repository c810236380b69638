//! Resolves, checks every address, dials, wraps in TLS.

use std::{
    collections::BTreeSet,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::time;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{
    dial::{Target, race},
    error::ConnectError,
    policy::{AddressPolicy, Purpose, Refusal},
    stream::Stream,
};

/// Name, address and handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Makes connections for one [`Purpose`]. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    policy: Arc<AddressPolicy>,
    purpose: Purpose,
    tls: Arc<ClientConfig>,
    trusted: Arc<BTreeSet<(String, u16)>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// A connector that asks `policy` before it dials. Never a proxy.
    #[must_use]
    pub fn new(policy: Arc<AddressPolicy>, purpose: Purpose, tls: Arc<ClientConfig>) -> Self {
        Self {
            policy,
            purpose,
            tls,
            trusted: Arc::default(),
        }
    }

    /// Authorities (host, port) that the operator named himself: dialled at any address, with or
    /// without TLS. Never fill this from what a tenant or a message says.
    #[must_use]
    pub fn trusting(self, authorities: impl IntoIterator<Item = (String, u16)>) -> Self {
        let lower = |(host, port): (String, u16)| (host.to_ascii_lowercase(), port);
        Self {
            trusted: Arc::new(authorities.into_iter().map(lower).collect()),
            ..self
        }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, ConnectError> {
        let target = Target::of(&uri)?;
        let dialled = time::timeout(CONNECT_TIMEOUT, self.dial(&target)).await;
        dialled
            .map_err(|_| ConnectError::Timeout)?
            .map(TokioIo::new)
    }

    async fn dial(&self, target: &Target) -> Result<Stream, ConnectError> {
        let addresses = self.permitted(target).await?;
        let tcp = race(addresses).await.map_err(ConnectError::Connect)?;
        tcp.set_nodelay(true).map_err(ConnectError::Connect)?;
        if !target.tls {
            return Ok(Stream::plain(tcp));
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| ConnectError::Uri)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector
            .connect(name, tcp)
            .await
            .map(Stream::tls)
            .map_err(ConnectError::Tls)
    }

    /// The addresses of the host that may be dialled; an error if there is none.
    async fn permitted(&self, target: &Target) -> Result<Vec<SocketAddr>, ConnectError> {
        let trusted = self.trusted.contains(&(target.host.clone(), target.port));
        if !trusted && self.purpose == Purpose::Cdn && !is_cdn_host(&target.host) {
            return Err(ConnectError::Refused(Refusal::Host));
        }
        let found = target.resolve().await.map_err(ConnectError::Dns)?;
        if trusted {
            return Ok(found);
        }
        let mut refusal = None;
        let mut permitted = Vec::with_capacity(found.len());
        for address in found {
            match self
                .policy
                .check_host(&target.host, address.ip(), self.purpose, target.tls)
            {
                Ok(()) => permitted.push(address),
                Err(refused) => refusal = Some(refused),
            }
        }
        match refusal {
            Some(refused) if permitted.is_empty() => {
                tracing::warn!(host = target.host, purpose = ?self.purpose, reason = %refused, "address refused");
                Err(ConnectError::Refused(refused))
            }
            _ => Ok(permitted),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Whether messages may send us to `host`: `whatsapp.net` and what is under it.
pub(crate) fn is_cdn_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "whatsapp.net" || host.ends_with(".whatsapp.net")
}
