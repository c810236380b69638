//! TLS in front of a server that speaks without it: what breaks behind it breaks for the client too, without
//! the farewell that TLS knows.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::tls::Authority;

/// The front. Stops when dropped.
#[derive(Debug)]
pub struct Https {
    address: SocketAddr,
    accept: JoinHandle<()>,
    ca_file: PathBuf,
}

// === impl Https ===

impl Https {
    /// Passes everything on to the server at `url` (`http://address:port`), under a certificate whose CA is
    /// written to `folder`.
    #[must_use]
    pub fn before(url: &str, folder: &Path) -> Self {
        let behind: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let authority = Authority::new();
        let ca_file = folder.join("cdn-ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let acceptor = acceptor(&authority);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let accept = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), client, behind));
            }
        });
        Self {
            address,
            accept,
            ca_file,
        }
    }

    /// `https://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its CA, PEM.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let issued = authority.issue("127.0.0.1");
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(acceptor: TlsAcceptor, client: TcpStream, behind: SocketAddr) {
    // Either side may hang up at any time: that is what some tests are about.
    let Ok(mut client) = acceptor.accept(client).await else {
        return;
    };
    if let Ok(mut server) = TcpStream::connect(behind).await {
        let _broken = copy_bidirectional(&mut client, &mut server).await;
    }
}
