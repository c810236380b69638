//! The keys in use. They are renewed while requests are under way: each request is signed with those
//! of its moment.

use std::sync::{Arc, PoisonError, RwLock};

use aws_credential_types::provider::{ProvideCredentials, future};

use super::config::Credentials;
use super::sign;

/// Gives the keys to whoever signs.
#[derive(Debug, Clone)]
pub(super) struct Provider(Arc<RwLock<Arc<Credentials>>>);

// === impl Provider ===

impl Provider {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(credentials))))
    }

    /// The keys of this moment.
    pub(super) fn current(&self) -> Arc<Credentials> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Other keys from now on.
    pub(super) fn renew(&self, credentials: Credentials) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Ok(sign::signing_key(&self.current())))
    }
}
