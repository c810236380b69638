//! Why no connection came about, in words that a caller can turn into a reason.

use std::error::Error;

use titan_crds::Reason;

use super::policy::Refusal;

/// A connection could not be made. hyper wraps it: find it with [`ConnectError::find`].
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address policy refused every address of the host.
    #[error("connection refused by address policy: {0}")]
    Refused(Refusal),
    /// The name did not resolve.
    #[error("name resolution failed")]
    Dns(#[source] std::io::Error),
    /// No address answered.
    #[error("connect failed")]
    Connect(#[source] std::io::Error),
    /// The TLS handshake failed: certificate, name or protocol.
    #[error("tls handshake failed")]
    Tls(#[source] std::io::Error),
    /// Name, address and handshake together took too long.
    #[error("connect timed out")]
    Timeout,
    /// The URI has no usable host or scheme.
    #[error("the uri has no usable host or scheme")]
    Uri,
}

/// The kinds of [`ConnectError`], without their sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectErrorKind {
    /// By the address policy; also an unusable URI.
    Refused,
    /// Name resolution.
    Dns,
    /// TCP.
    Connect,
    /// Handshake.
    Tls,
    /// Out of time.
    Timeout,
}

impl ConnectError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> ConnectErrorKind {
        match self {
            Self::Refused(_) | Self::Uri => ConnectErrorKind::Refused,
            Self::Dns(_) => ConnectErrorKind::Dns,
            Self::Connect(_) => ConnectErrorKind::Connect,
            Self::Tls(_) => ConnectErrorKind::Tls,
            Self::Timeout => ConnectErrorKind::Timeout,
        }
    }

    /// The error and the system's own word for it, such as an unknown certificate issuer.
    #[must_use]
    pub fn with_cause(&self) -> String {
        self.source()
            .map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }

    /// Finds the connect error in the chain of `error`, itself included.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            current = error.source();
        }
        None
    }
}

impl ConnectErrorKind {
    /// The reason for conditions.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Refused => Reason::EndpointNotAllowed,
            Self::Dns => Reason::DnsFailed,
            Self::Connect => Reason::ConnectFailed,
            Self::Tls => Reason::TlsFailed,
            Self::Timeout => Reason::Timeout,
        }
    }
}

/// The TLS configuration could not be built.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The extra roots are not PEM.
    #[error("the CA bundle is not valid PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// PEM without a certificate.
    #[error("the CA bundle holds no certificate")]
    NoCertificate,
    /// A certificate in it can't be a root.
    #[error("a certificate of the CA bundle can't be used")]
    Root(#[source] rustls::Error),
    /// The crypto provider offers no usable protocol version.
    #[error("tls configuration failed")]
    Protocol(#[source] rustls::Error),
}
