//! A CA that issues certificates, and a client that tells which one it was shown.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A CA that nobody else knows.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// What a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The server's certificate, DER.
    pub certificate: Vec<u8>,
    /// Status of the answer.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

// === impl Authority ===

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A new certificate for `name`.
    #[must_use]
    pub fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        Issued {
            chain: leaf.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Gets `path` of `address` over TLS, trusting this CA alone.
    pub async fn get(
        &self,
        address: &str,
        name: &str,
        path: &str,
        key: &str,
    ) -> Result<Seen, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let stream = TcpStream::connect(address).await.map_err(|e| text(&e))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(self.client())
            .connect(name.clone(), stream)
            .await
            .map_err(|e| text(&e))?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = shown.first().map(|der| der.to_vec()).unwrap_or_default();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| text(&e))?;
        tokio::spawn(connection);
        let request = Request::get(path)
            .header("host", name.to_str().as_ref())
            .header("authorization", format!("Bearer {key}"))
            .body(Full::<Bytes>::default())
            .unwrap();
        let answer = sender.send_request(request).await.map_err(|e| text(&e))?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(|e| text(&e))?;
        Ok(Seen {
            certificate,
            status,
            body: body.to_bytes().to_vec(),
        })
    }

    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Issued {
    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.chain.as_bytes())
            .unwrap()
            .to_vec()
    }
}
