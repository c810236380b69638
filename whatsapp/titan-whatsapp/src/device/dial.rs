//! Connections to WhatsApp's hosts, through a proxy where one is given. Then there is none around it: a host must not learn
//! where we are because a file was missing.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_socks::tcp::Socks5Stream;

use super::proxy::{Proxy, ProxyUrlError, Scheme};

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The proxy's URL.
    #[error(transparent)]
    Url(#[from] ProxyUrlError),
    /// The proxy.
    #[error("the proxy can't be reached")]
    Proxy(#[source] io::Error),
    /// A proxy's words.
    #[error("the proxy's answer can't be read")]
    Answer(#[from] hyper::Error),
    /// A proxy's refusal.
    #[error("the proxy answered {0}")]
    Refused(StatusCode),
    /// A SOCKS proxy's refusal, or nonsense.
    #[error("the proxy refused the connection")]
    Socks(#[from] tokio_socks::Error),
    /// The host itself.
    #[error("the host can't be reached")]
    Host(#[source] io::Error),
    /// A name that nobody has.
    #[error("the host's name is none")]
    Name,
    /// TLS.
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    /// Any of it.
    #[error("the connection took too long")]
    Timeout,
}

/// What bytes go over.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection, whatever it goes through.
pub(crate) type Stream = Box<dyn Duplex>;

/// Makes connections.
pub(crate) struct Dialer {
    proxy: Option<PathBuf>,
    tls: TlsConnector,
}

impl Dialer {
    /// Through the proxy whose URL is in a file, where there is one.
    pub(crate) fn new(proxy: Option<PathBuf>) -> Result<Self, rustls::Error> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            proxy,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Whether it goes through a proxy.
    pub(crate) fn proxied(&self) -> bool {
        self.proxy.is_some()
    }

    /// Connects to a host.
    pub(crate) async fn dial(&self, host: &str, port: u16) -> Result<Stream, DialError> {
        timeout(PATIENCE, self.connect(host, port))
            .await
            .unwrap_or(Err(DialError::Timeout))
    }

    /// Connects to a host and speaks TLS with it.
    pub(crate) async fn dial_tls(&self, host: &str, port: u16) -> Result<Stream, DialError> {
        let stream = self.dial(host, port).await?;
        timeout(PATIENCE, self.secure(stream, host))
            .await
            .unwrap_or(Err(DialError::Timeout))
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Stream, DialError> {
        let Some(path) = &self.proxy else {
            let stream = TcpStream::connect((bare(host), port)).await;
            return Ok(Box::new(stream.map_err(DialError::Host)?));
        };
        let proxy = Proxy::read(path).await?;
        let stream = TcpStream::connect((bare(&proxy.host), proxy.port))
            .await
            .map_err(DialError::Proxy)?;
        match proxy.scheme {
            Scheme::Http => tunnel(stream, &proxy, host, port).await,
            Scheme::Https => {
                let stream = self.secure(Box::new(stream), &proxy.host).await?;
                tunnel(stream, &proxy, host, port).await
            }
            Scheme::Socks5 => {
                // The proxy resolves names: ours may not be known here.
                let target = (bare(host), port);
                let stream = match &proxy.login {
                    None => Socks5Stream::connect_with_socket(stream, target).await?,
                    Some((user, password)) => {
                        Socks5Stream::connect_with_password_and_socket(
                            stream, target, user, password,
                        )
                        .await?
                    }
                };
                Ok(Box::new(stream))
            }
        }
    }

    async fn secure(&self, stream: Stream, host: &str) -> Result<Stream, DialError> {
        let name = ServerName::try_from(bare(host).to_owned()).map_err(|_| DialError::Name)?;
        let stream = self.tls.connect(name, stream).await;
        Ok(Box::new(stream.map_err(DialError::Tls)?))
    }
}

/// `CONNECT`.
async fn tunnel(
    stream: impl Duplex + 'static,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<Stream, DialError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the tunnel is handed over, or the proxy hangs up.
    tokio::spawn(connection.with_upgrades());
    let authority = format!("{host}:{port}");
    let mut request = Request::connect(authority.as_str())
        .header(header::HOST, authority.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|_| DialError::Name)?;
    if let Some(authorization) = proxy.authorization() {
        let headers = request.headers_mut();
        headers.insert(header::PROXY_AUTHORIZATION, authorization);
    }
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(DialError::Refused(answer.status()));
    }
    Ok(Box::new(TokioIo::new(hyper::upgrade::on(answer).await?)))
}

/// An IPv6 address is in brackets where a port follows it, and nowhere else.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
