//! The values that hold where a `MediaSession` leaves a field out.
//!
//! They are resolved here and not in the schema: a default that the API server writes belongs to nobody,
//! and makes it impossible to switch the members of a one-of.

use super::{
    Auth, AutoPersist, Gateway, MediaSession, MediaSessionSpec, NetworkPolicy, Store, Transfers,
    Whatsapp,
};

/// Number of sidecars.
pub const DEFAULT_REPLICAS: i32 = 1;

impl MediaSession {
    /// Name of the session in the API: `spec.session`, else `metadata.name` (empty on an object without one).
    #[must_use]
    pub fn api_name(&self) -> &str {
        self.spec
            .session
            .as_deref()
            .or(self.metadata.name.as_deref())
            .unwrap_or_default()
    }
}

impl MediaSessionSpec {
    /// The gateway that messages come from, unless the session has a linked device of its own.
    #[must_use]
    pub fn gateway(&self) -> Option<Gateway> {
        match &self.source {
            None => Some(Gateway::default()),
            Some(source) if source.whatsapp.is_some() => None,
            Some(source) => Some(source.gateway.clone().unwrap_or_default()),
        }
    }

    /// The linked device that messages come from, where the session has one of its own.
    #[must_use]
    pub fn whatsapp(&self) -> Option<&Whatsapp> {
        self.source.as_ref()?.whatsapp.as_ref()
    }

    /// Which media is saved to the bucket as it arrives.
    #[must_use]
    pub fn auto_persist(&self) -> AutoPersist {
        self.auto_persist.clone().unwrap_or_default()
    }

    /// Which keys open the API.
    #[must_use]
    pub fn auth(&self) -> Auth {
        self.auth.clone().unwrap_or_default()
    }

    /// Where records are kept.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone().unwrap_or_default()
    }

    /// Number of sidecars.
    #[must_use]
    pub fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(DEFAULT_REPLICAS)
    }

    /// Bounds of the transfers.
    #[must_use]
    pub fn transfers(&self) -> Transfers {
        self.transfers.clone().unwrap_or_default()
    }

    /// The NetworkPolicy of the session's pods.
    #[must_use]
    pub fn network_policy(&self) -> NetworkPolicy {
        self.network_policy.clone().unwrap_or_default()
    }

    /// Whether the session is stopped.
    #[must_use]
    pub fn suspend(&self) -> bool {
        self.suspend.unwrap_or(false)
    }
}
