//! `spec.source.whatsapp`, resolved.

use std::collections::BTreeMap;

use titan_crds::{MediaSessionSpec, SecretKeyRef, media_session::Whatsapp};

use super::secrets::{Missing, SecretValue, Secrets};

/// A session's linked device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Name under which the phone lists it.
    pub name: String,
    /// Number that a code is asked for where a caller names none: digits.
    pub phone_number: Option<String>,
    /// Whether the account is shown as online.
    pub mark_online: bool,
    /// Whether the chats' history is taken.
    pub history: bool,
    /// URL of a proxy, for the program that is started here.
    pub proxy: Option<DeviceSecret>,
    /// Which key seals the device's keys, and all that may open them; for the program that is started
    /// here.
    pub store_key: Option<(String, BTreeMap<String, DeviceSecret>)>,
}

/// A secret that the program reads from a file. Never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The device of a session, without what its program reads from files.
pub(super) fn of(whatsapp: &Whatsapp) -> DeviceConfig {
    DeviceConfig {
        name: whatsapp.device_name().to_owned(),
        phone_number: whatsapp.phone_number.clone(),
        mark_online: whatsapp.mark_online(),
        history: whatsapp.history(),
        proxy: None,
        store_key: None,
    }
}

/// Looks up what its program reads from files, where it is started here: in a pod, its container has them.
/// A store key that is missing is told by whoever resolves it for the records.
///
/// # Errors
///
/// [`Missing`], of the proxy's URL; all else is looked up all the same.
pub(super) fn look_up(
    device: &mut DeviceConfig,
    spec: &MediaSessionSpec,
    namespace: &str,
    secrets: &Secrets<'_>,
) -> Result<(), Missing> {
    if let Some(reference) = &spec.store().encryption_key_secret_ref {
        let keys = secrets.all(namespace, &reference.name);
        device.store_key = keys.map(|keys| {
            let keys = keys.into_iter().map(|(name, key)| (name, key.into()));
            (reference.key.clone(), keys.collect())
        });
    }
    let proxy = spec.whatsapp().and_then(|whatsapp| whatsapp.proxy.as_ref());
    if let Some(proxy) = proxy {
        let SecretKeyRef { name, key } = &proxy.url_secret_ref;
        device.proxy = Some(secrets.get(namespace, name, key)?.into());
    }
    Ok(())
}
