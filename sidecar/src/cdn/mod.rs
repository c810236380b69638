//! WhatsApp's CDN: where a file is, fetching it over several hosts, resuming it where it broke.
//!
//! Nothing here knows a key: a blob's bytes are judged by `media`. No request carries credentials;
//! the signature in a path's query is the sender's, and never logged.

mod accept;
mod attempt;
mod body;
mod error;
mod fetch;
mod origin;
mod range;
pub mod status;
mod tail;
pub mod upload;
pub mod url;

use std::{fmt, io, ops::Range, sync::Arc, time::Duration};

use ::url::Url;

pub use body::CdnBody;
pub use error::{CdnError, ConfigError};
pub use status::Class;

use self::{
    accept::{Ask, Want},
    attempt::Fetcher,
    origin::{Origin, Origins},
    upload::{Blob, Body, Permit, UploadError, Uploaded, Uploader},
};
use crate::{
    media::MediaType,
    net::{AddressPolicy, Connector, Purpose, tls_config},
};

/// How long a broken fetch may go without a new byte before it fails.
pub const DEFAULT_RESUME_WINDOW: Duration = Duration::from_secs(15);

/// Where and how to fetch.
#[derive(Debug, Clone)]
pub struct Config {
    /// Scheme, host and port only, in the order they are tried. Empty: WhatsApp's own two hosts.
    /// When given, every fetch goes to these and nowhere else, at any address, also over http.
    pub origins: Vec<Url>,
    /// PEM bundle trusted beside the public roots.
    pub ca: Option<Vec<u8>>,
    /// How long a broken fetch may go without a new byte before it fails.
    pub resume_window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            ca: None,
            resume_window: DEFAULT_RESUME_WINDOW,
        }
    }
}

/// A file on the CDN, as its message names it.
#[derive(Clone)]
pub struct Reference {
    /// Path and signed query below a CDN host.
    pub direct_path: Option<String>,
    /// Full URL, used only where there is no direct path.
    pub url: Option<String>,
    /// SHA-256 of the blob; becomes the `hash` parameter.
    pub enc_sha256: Option<[u8; 32]>,
    /// Becomes the `mms-type` parameter.
    pub media_type: MediaType,
    /// False for newsletter media, which is plaintext on the CDN.
    pub encrypted: bool,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference")
            .field("direct_path", &self.direct_path.as_ref().map(|_| "…"))
            .field("url", &self.url.as_ref().map(|_| "…"))
            .field("media_type", &self.media_type)
            .field("encrypted", &self.encrypted)
            .finish_non_exhaustive()
    }
}

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// More bytes than this are [`Class::TooLarge`], before the body if the CDN says so, else at
    /// the byte that passes it.
    pub max_blob_bytes: u64,
}

/// The CDN's hosts and the client for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cdn {
    fetcher: Arc<Fetcher>,
    uploader: Arc<Uploader>,
    origins: Arc<Origins>,
}

impl Cdn {
    /// Builds the client. Fails on an origin that is more than scheme, host and port, or on a CA
    /// bundle that can't be read.
    pub fn new(config: Config, policy: Arc<AddressPolicy>) -> Result<Self, ConfigError> {
        let Config {
            origins,
            ca,
            resume_window,
        } = config;
        let given = origins
            .iter()
            .map(Origin::given)
            .collect::<Result<Vec<_>, _>>()?;
        let origins = Origins::new(given);
        let connector = Connector::new(policy, Purpose::Cdn, tls_config(ca.as_deref())?)
            .trusting(origins.trusted());
        let fetcher = Fetcher::new(connector.clone(), resume_window);
        Ok(Self {
            fetcher: Arc::new(fetcher),
            uploader: Arc::new(Uploader::new(connector)),
            origins: Arc::new(origins),
        })
    }

    /// The same, over hosts that WhatsApp named before all others.
    #[must_use]
    pub fn over(&self, names: &[String]) -> Self {
        Self {
            origins: Arc::new(self.origins.over(names)),
            ..self.clone()
        }
    }

    /// Whether hosts that WhatsApp names are of any use: not where the operator gave others.
    #[must_use]
    pub fn takes_hosts(&self) -> bool {
        !self.origins.given
    }

    /// Fetches a whole blob. `prefer` is an offset into the hosts: a caller that got wrong bytes
    /// asks again with another.
    ///
    /// Returns when the first good head is in. Hosts are tried in turn, three rounds at most for
    /// what passes (network, 408, 429, 5xx), and no new round begins after 45 s.
    pub async fn open(
        &self,
        reference: &Reference,
        limits: Limits,
        prefer: usize,
    ) -> Result<CdnBody, CdnError> {
        let location = url::locate(reference, &self.origins).map_err(CdnError::Invalid)?;
        let ask = Ask::new(Want::Whole, limits.max_blob_bytes);
        let answer = self.fetcher.fetch(&location, prefer, &ask).await?;
        Ok(CdnBody::new(
            Arc::clone(&self.fetcher),
            location,
            limits,
            None,
            answer,
        ))
    }

    /// Fetches the bytes of `part` of a blob that is known to have `blob_len` of them, else like
    /// [`Self::open`]. A host that has no ranges, or a blob of another length, is an error.
    pub async fn part(
        &self,
        reference: &Reference,
        part: Range<u64>,
        blob_len: u64,
        prefer: usize,
    ) -> Result<CdnBody, CdnError> {
        let location = url::locate(reference, &self.origins).map_err(CdnError::Invalid)?;
        let want = Want::Part(part.start, part.end.saturating_sub(1));
        let ask = Ask {
            total: Some(blob_len),
            ..Ask::new(want, blob_len)
        };
        let answer = self.fetcher.fetch(&location, prefer, &ask).await?;
        let limits = Limits {
            max_blob_bytes: blob_len,
        };
        Ok(CdnBody::new(
            Arc::clone(&self.fetcher),
            location,
            limits,
            Some(part.end),
            answer,
        ))
    }

    /// Fetches the last `n` bytes of a blob (all of a shorter one) and its total length.
    pub async fn tail(
        &self,
        reference: &Reference,
        n: u64,
        prefer: usize,
    ) -> Result<(Vec<u8>, u64), CdnError> {
        let location = url::locate(reference, &self.origins).map_err(CdnError::Invalid)?;
        tail::tail(&self.fetcher, &location, n, prefer).await
    }

    /// Brings a blob to the CDN: to the hosts of `permit`, or to those that the operator gave, one after
    /// the other. `body` makes its bytes from an offset on, as often as it is asked.
    pub async fn upload<F, B>(
        &self,
        permit: &Permit,
        blob: &Blob,
        body: F,
    ) -> Result<Uploaded, UploadError>
    where
        F: Fn(u64) -> B,
        B: Future<Output = io::Result<Body>>,
    {
        self.uploader
            .upload(&self.origins, permit, blob, body)
            .await
    }
}

#[cfg(test)]
mod tests;
