//! `spec.tls`: the certificate that the API port serves.

use std::{fmt, sync::Arc};

use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use titan_crds::media_session::Tls;

use super::secrets::{Missing, Secrets};

/// Keys of a Secret of type kubernetes.io/tls.
const CERTIFICATE: &str = "tls.crt";
const PRIVATE_KEY: &str = "tls.key";

/// How the API port is to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP.
    Plain,
    /// TLS, with a certificate that is not there or of no use.
    Awaited,
    /// TLS.
    Tls(Certificate),
}

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Certificate {
    /// For the connections.
    pub server: Arc<ServerConfig>,
    /// Of chain and key: tells a renewed one.
    fingerprint: [u8; 32],
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(…)")
    }
}

/// Reads the certificate of a session.
///
/// # Errors
///
/// [`Missing`], naming Secret and key.
pub(super) fn resolve(
    tls: &Tls,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<Certificate, Missing> {
    let name = &tls.secret_ref.name;
    // Read once: a renewal may come between two reads, and a new key does not fit an old chain.
    let values = secrets.all(namespace, name);
    let mut values = values.ok_or_else(|| Missing::secret(name))?;
    let mut take = |key| values.remove(key).ok_or_else(|| Missing::key(name, key));
    let (chain, key) = (take(CERTIFICATE)?, take(PRIVATE_KEY)?);
    let wrong = |key: &str, why: &str| Missing::invalid(name, key, why);
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain.bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| wrong(CERTIFICATE, "not PEM"))?;
    if certificates.is_empty() {
        return Err(wrong(CERTIFICATE, "holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_slice(key.bytes())
        .map_err(|_| wrong(PRIVATE_KEY, "holds no private key in PEM"))?;
    let fingerprint = Sha256::new()
        .chain_update(chain.bytes())
        .chain_update([0])
        .chain_update(key.bytes())
        .finalize()
        .into();
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(CERTIFICATE, &error.to_string()))?
        .with_no_client_auth()
        // Refuses a key that is not the certificate's.
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(PRIVATE_KEY, &error.to_string()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate {
        server: Arc::new(server),
        fingerprint,
    })
}
