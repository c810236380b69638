//! Where a session's events go.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::backoff::Retries;
use super::secret::Secret;
use super::sign;

/// One webhook of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Stable name: [`Endpoint::id_of`] its URL.
    pub id: String,
    /// Where to post. May hold credentials: never shown whole.
    pub url: Url,
    /// Events wanted; empty, or `*` among them, means all.
    pub events: Vec<String>,
    /// Signing key; without it there are no signature headers.
    pub secret: Option<Secret>,
    /// Headers of the tenant's own; values are secrets.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// When to try again.
    pub retries: Retries,
    /// Time for one attempt, from name resolution to the end of the answer.
    pub timeout: Duration,
    /// Why nothing may be posted yet, such as a Secret that is not there: deliveries wait, and no
    /// attempt is counted. An unsigned delivery instead would be worse than a late one.
    pub withheld: Option<String>,
}

/// Whoever holds the endpoints of a session: its configuration.
pub trait HasEndpoints {
    /// All endpoints of the session, in the order of its specification.
    fn endpoints(&self) -> &[Endpoint];
}

impl HasEndpoints for Vec<Endpoint> {
    fn endpoints(&self) -> &[Endpoint] {
        self
    }
}

/// Headers that a tenant can't set: ours, and those that frame the message.
const RESERVED: [HeaderName; 12] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    sign::WEBHOOK_ID,
    sign::WEBHOOK_SIGNATURE,
    sign::WEBHOOK_TIMESTAMP,
    sign::X_WEBHOOK_SIGNATURE,
];

/// Whether a configured header of this name would be dropped.
#[must_use]
pub fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
}

// === impl Endpoint ===

impl Endpoint {
    /// An endpoint with defaults: all events, no key, 15 attempts, 10 s each.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            id: Self::id_of(&url),
            url,
            events: Vec::new(),
            secret: None,
            headers: Vec::new(),
            retries: Retries::default(),
            timeout: Duration::from_secs(10),
            withheld: None,
        }
    }

    /// The name under which deliveries to `url` are queued: survives restarts, changed keys,
    /// headers and order.
    #[must_use]
    pub fn id_of(url: &Url) -> String {
        let hash = hex::encode(Sha256::digest(url.as_str()));
        format!("ep_{}", hash.get(..16).unwrap_or(&hash))
    }

    /// Scheme, host and port: what may be shown of the URL, whose path and query may be secret too.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether `event` is to be posted here.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|e| e == "*" || e == event)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("host", &self.url.host_str())
            .field("events", &self.events)
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(events: &[&str]) -> Endpoint {
        let url = Url::parse("https://u:pass@app.acme.com/hooks?token=t0ken").unwrap();
        Endpoint {
            events: events.iter().map(ToString::to_string).collect(),
            ..Endpoint::new(url)
        }
    }

    #[test]
    fn no_events_and_a_star_mean_all() {
        assert!(endpoint(&[]).wants("message.vote"));
        assert!(endpoint(&["*"]).wants("message.vote"));
        assert!(endpoint(&["message.vote"]).wants("message.vote"));
        assert!(!endpoint(&["message.received"]).wants("message.vote"));
    }

    #[test]
    fn the_id_depends_on_the_url_alone() {
        let (one, other) = (endpoint(&[]), endpoint(&["message.vote"]));
        assert_eq!(one.id, other.id);
        assert_eq!(one.id.len(), 19);
        let url = Url::parse("https://app.acme.com/hooks").unwrap();
        assert_ne!(one.id, Endpoint::id_of(&url));
    }

    #[test]
    fn debug_shows_neither_credentials_nor_query() {
        let mut endpoint = endpoint(&[]);
        let value = HeaderValue::from_static("s3cret");
        endpoint.headers.push((header::AUTHORIZATION, value));
        let shown = format!("{endpoint:?}");
        for secret in ["pass", "t0ken", "s3cret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
