//! `spec.source.whatsapp`, resolved.

use std::{collections::BTreeMap, fmt};

use super::secrets::SecretValue;

/// A session's linked device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Name under which the phone lists it.
    pub name: String,
    /// Number that a code is asked for where a caller names none: digits.
    pub phone_number: Option<String>,
    /// Whether the account is shown as online.
    pub mark_online: bool,
    /// URL of a proxy, for the program that is started here.
    pub proxy: Option<DeviceSecret>,
    /// Which key seals the device's keys, and all that may open them; for the program that is started
    /// here.
    pub store_key: Option<(String, BTreeMap<String, DeviceSecret>)>,
}

/// A secret that the program reads from a file.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret(SecretValue);

// === impl DeviceSecret ===

impl DeviceSecret {
    /// What is written to the file.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl From<SecretValue> for DeviceSecret {
    fn from(value: SecretValue) -> Self {
        Self(value)
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}
