//! The values that hold where a `TenantStorage` leaves a field out.
//!
//! They are resolved here and not in the schema: a default that the API server writes belongs to nobody,
//! and makes it impossible to switch the members of a one-of.

use std::time::Duration;

use super::{Addressing, EncryptionType, StorageUrl, TenantStorageSpec, UrlMode};

/// Object key after the prefix.
pub const DEFAULT_KEY_TEMPLATE: &str = "{tenant}/{session}/{yyyy}/{mm}/{dd}/{mediaId}.{ext}";
/// How long a presigned URL is valid.
pub const DEFAULT_URL_EXPIRES_IN: Duration = Duration::from_hours(24);
/// Time between two checks of a healthy bucket.
pub const DEFAULT_PROBE_EVERY: Duration = Duration::from_hours(1);

impl TenantStorageSpec {
    /// Prefix of every object key; empty where there is none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }

    /// How the bucket stands in a request.
    #[must_use]
    pub fn addressing(&self) -> Addressing {
        self.addressing.unwrap_or_default()
    }

    /// What object URLs look like.
    #[must_use]
    pub fn url(&self) -> StorageUrl {
        self.url.clone().unwrap_or_default()
    }

    /// Object key after the prefix, with placeholders.
    #[must_use]
    pub fn key_template(&self) -> &str {
        self.key_template.as_deref().unwrap_or(DEFAULT_KEY_TEMPLATE)
    }

    /// Encryption that is asked of the store.
    #[must_use]
    pub fn encryption_type(&self) -> EncryptionType {
        self.encryption
            .as_ref()
            .map(|encryption| encryption.type_)
            .unwrap_or_default()
    }

    /// Time between two checks of a healthy bucket.
    #[must_use]
    pub fn probe_every(&self) -> Duration {
        self.probe
            .as_ref()
            .and_then(|probe| probe.every.as_ref())
            .map_or(DEFAULT_PROBE_EVERY, crate::Duration::get)
    }
}

impl StorageUrl {
    /// What the URL of an object is.
    #[must_use]
    pub fn mode(&self) -> UrlMode {
        self.mode.unwrap_or_default()
    }

    /// How long a presigned URL is valid.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.expires_in
            .as_ref()
            .map_or(DEFAULT_URL_EXPIRES_IN, crate::Duration::get)
    }
}
