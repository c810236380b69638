//! The keys in use. They are renewed while requests are under way: each request is signed with those
//! of its moment. Keys of a Secret are given; those of an identity are fetched from its token service
//! when they are needed, and again well before they end.

use std::sync::{Arc, PoisonError, RwLock};

use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::config::{Access, Credentials};
use super::error::BucketError;
use super::sign;
use super::sts::TokenService;
use super::transport::Transport;

/// Gives the keys to whoever signs.
#[derive(Debug, Clone)]
pub(super) struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: RwLock<Option<Arc<Credentials>>>,
    /// Where the keys of an identity come from. Under a lock: one asks, the others wait for it.
    source: Option<Mutex<Source>>,
}

#[derive(Debug)]
struct Source {
    service: TokenService,
    /// When the keys in use have lived half of their life.
    due: Timestamp,
}

// === impl Provider ===

impl Provider {
    pub(super) fn new(access: &Access, region: &str, transport: &Transport) -> Self {
        let (current, source) = match access {
            Access::Keys(keys) => (Some(Arc::new(keys.clone())), None),
            Access::Identity(identity) => {
                let source = Source {
                    service: TokenService::new(identity.clone(), region, transport.clone()),
                    due: Timestamp::MIN,
                };
                (None, Some(Mutex::new(source)))
            }
        };
        Self(Arc::new(Inner {
            current: RwLock::new(current),
            source,
        }))
    }

    /// The keys of this moment; none where an identity was not exchanged for keys yet.
    pub(super) fn current(&self) -> Option<Arc<Credentials>> {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other keys from now on.
    pub(super) fn renew(&self, credentials: Credentials) {
        self.put(Some(Arc::new(credentials)));
    }

    /// The store takes the keys in use no more: those of an identity are fetched anew.
    pub(super) fn reject(&self) {
        if self.0.source.is_some() {
            self.put(None);
        }
    }

    /// Sees to it that there are keys which have not expired.
    pub(super) async fn ready(&self, now: Timestamp) -> Result<(), BucketError> {
        if self.live_at(now) {
            return Ok(());
        }
        let Some(source) = &self.0.source else {
            return Err(BucketError::CredentialsExpired);
        };
        let mut source = source.lock().await;
        if self.live_at(now) {
            return Ok(());
        }
        self.fetch(&mut source, now).await
    }

    /// Fetches other keys where those of an identity have lived half of their life. Tells when to come
    /// again; `None` where keys are given.
    pub(super) async fn refresh(&self, now: Timestamp) -> Result<Option<Timestamp>, BucketError> {
        let Some(source) = &self.0.source else {
            return Ok(None);
        };
        let mut source = source.lock().await;
        if !self.live_at(now) || source.due <= now {
            self.fetch(&mut source, now).await?;
        }
        Ok(Some(source.due))
    }

    async fn fetch(&self, source: &mut Source, now: Timestamp) -> Result<(), BucketError> {
        let keys = source.service.exchange().await?;
        let end = keys.expires_at.unwrap_or(Timestamp::MAX);
        source.due = now + end.duration_since(now) / 2;
        self.renew(keys);
        Ok(())
    }

    fn live_at(&self, now: Timestamp) -> bool {
        let end = self.current().map(|keys| keys.expires_at);
        end.is_some_and(|end| end.is_none_or(|end| end > now))
    }

    fn put(&self, credentials: Option<Arc<Credentials>>) {
        let current = self.0.current.write();
        *current.unwrap_or_else(PoisonError::into_inner) = credentials;
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let keys = self.current().map(|keys| sign::signing_key(&keys));
        let keys = keys.ok_or_else(|| CredentialsError::not_loaded("no keys were fetched yet"));
        future::ProvideCredentials::ready(keys)
    }
}
