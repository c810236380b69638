//! A session as the program runs it: resources and secrets resolved, limits applied.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use titan_crds::report::Problem;

use super::{certificate::Transport, device::DeviceConfig, secrets::Missing, sending::Sending};
use crate::{
    bucket::BucketConfig,
    inbound::Signature,
    media::MediaKind,
    message::{Incoming, MediaReference, SessionKey},
    store::{DatabaseUrl, SealKey},
    webhook::{Endpoint, HasEndpoints},
};

/// Everything one session needs to run. Replaced as a whole when its files change.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Tenant and API name.
    pub key: SessionKey,
    /// `metadata.name` of the `MediaSession`.
    pub object: String,
    /// `metadata.uid`; empty where the document names none.
    pub uid: String,
    /// `metadata.creationTimestamp`, where the document names one.
    pub created_at: Option<Timestamp>,
    /// `metadata.generation`; 0 where the document names none.
    pub generation: i64,
    /// `metadata.generation` of the `TenantStorage`; 0 where there is none.
    pub storage_generation: i64,
    /// Keys that open the whole API of this session.
    pub api_keys: AcceptedKeys,
    /// Where the one key is kept that was made because the resource names none.
    pub generated_key: Option<PathBuf>,
    /// Keys that open `/inbound` only.
    pub inbound_keys: AcceptedKeys,
    /// What the gateway signs with; a valid signature opens `/inbound` too.
    pub signature: Option<Signature>,
    /// The bucket.
    pub storage: Storage,
    /// Time between two checks of a healthy bucket.
    pub probe_every: Duration,
    /// How the API port is to speak.
    pub transport: Transport,
    /// How many requests each API key may make.
    pub rate_limit: Option<RateLimit>,
    /// How many messages may be sent, whichever key asks for them.
    pub send_rate_limit: Option<RateLimit>,
    /// What is saved without being asked.
    pub auto_persist: AutoPersist,
    /// Where events go.
    pub endpoints: Vec<Endpoint>,
    /// How messages are sent.
    pub sending: Sending,
    /// The linked device that messages come from, where the session has one of its own.
    pub device: Option<DeviceConfig>,
    /// Transfers at once, and how long one may take.
    pub transfers: Transfers,
    /// How long records are kept.
    pub retention: Duration,
    /// Where records are kept.
    pub records: Records,
    /// Size of the volume in bytes, where the resource names one.
    pub volume_bytes: Option<u64>,
    /// What lies in the session's folder survives the pod: files that wait to be sent may be answered for.
    pub durable_folder: bool,
    /// Seals media keys at rest.
    pub seal_key: Option<SealKey>,
    /// Serve nothing: the session is suspended.
    pub suspended: bool,
    /// What the resources name and is not there, or is of no use.
    pub missing: Vec<Problem>,
    /// Paths of fields that are set and that this version does not honour.
    pub unsupported: Vec<String>,
}

/// Where the records of a session are kept.
#[derive(Debug, Clone)]
pub enum Records {
    /// In a file of its own.
    Sqlite,
    /// In a database that replicas share.
    Postgres(DatabaseUrl),
    /// In a database that is not known yet; nothing is taken until it is. Says what is missing.
    Unknown(String),
}

/// The session's bucket, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// The session names no storage: download works, persist answers 409.
    NotConfigured,
    /// It names one that can't be used now; records wait.
    Unusable(Missing),
    /// Ready to use.
    Ready(Arc<BucketConfig>),
}

/// `spec.autoPersist`, resolved.
#[derive(Debug, Clone)]
pub struct AutoPersist {
    /// Save without being asked.
    pub enabled: bool,
    /// Which kinds.
    pub kinds: BTreeSet<MediaKind>,
    /// Largest file in bytes; also the limit of explicit downloads and persists.
    pub max_bytes: u64,
    /// Also what the session's own account sent.
    pub include_sent: bool,
    /// How long `message.received` waits for the object.
    pub hold_webhook: Duration,
    /// Which chats.
    pub chats: Chats,
}

/// `spec.autoPersist.chats`.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent switches of the resource"
)]
pub struct Chats {
    /// One-to-one chats.
    pub direct: bool,
    /// Groups.
    pub group: bool,
    /// Channels.
    pub newsletter: bool,
    /// Status updates and broadcasts.
    pub status: bool,
}

/// `spec.rateLimit`, or `spec.sendRateLimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests or messages that are allowed in that time; also how many may come at once.
    pub requests: u32,
    /// That time.
    pub per: Duration,
}

/// `spec.transfers`, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfers {
    /// Persists at once.
    pub max_concurrent: usize,
    /// Longest single transfer.
    pub timeout: Duration,
}

// === impl SessionConfig ===

impl HasEndpoints for SessionConfig {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

impl SessionConfig {
    /// Is this file saved without being asked?
    #[must_use]
    pub fn persists(&self, message: &Incoming, media: &MediaReference) -> bool {
        let auto = &self.auto_persist;
        auto.enabled
            && !matches!(self.storage, Storage::NotConfigured)
            && auto.kinds.contains(&media.kind)
            && (auto.include_sent || !message.key.from_me)
            && auto.chats.includes(&message.key.chat)
            && media.fault.is_none()
    }
}

impl Chats {
    fn includes(self, chat: &str) -> bool {
        match chat.rsplit_once('@').map(|(_, server)| server) {
            _ if chat == "status@broadcast" => self.status,
            Some("g.us") => self.group,
            Some("newsletter") => self.newsletter,
            Some("broadcast") => self.status,
            _ => self.direct,
        }
    }
}

/// Keys that open something. Only their SHA-256 is kept, and compared in constant time.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AcceptedKeys(Vec<[u8; 32]>);

impl AcceptedKeys {
    /// Shortest value (bytes) that counts as a key.
    pub const MIN_BYTES: usize = 24;

    /// Takes every value that is long enough; surrounding white space is not part of a key.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(
            values
                .into_iter()
                .map(<[u8]>::trim_ascii)
                .filter(|value| value.len() >= Self::MIN_BYTES)
                .map(|value| Sha256::digest(value).into())
                .collect(),
        )
    }

    /// Is `key` one of them?
    #[must_use]
    pub fn accept(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The SHA-256 of `key`, if it is one of them.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<[u8; 32]> {
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let found = self.0.iter().fold(false, |found, accepted| {
            found | bool::from(accepted.ct_eq(digest.as_slice()))
        });
        found.then_some(digest)
    }

    /// No key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for AcceptedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptedKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_value_is_no_key() {
        let keys = AcceptedKeys::new([b"short".as_slice(), b"0123456789abcdef01234567\n"]);
        assert!(!keys.accept("short"));
        assert!(keys.accept("0123456789abcdef01234567"));
    }

    #[test]
    fn chats_are_told_by_their_server() {
        let chats = Chats {
            direct: true,
            group: false,
            newsletter: false,
            status: false,
        };
        assert!(chats.includes("4915112345@s.whatsapp.net"));
        assert!(chats.includes("12345@lid"));
        assert!(!chats.includes("1203@g.us"));
        assert!(!chats.includes("status@broadcast"));
        assert!(!chats.includes("99@newsletter"));
    }
}
