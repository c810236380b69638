//! How the device is doing.

use jiff::Timestamp;
use serde::Serialize;

use crate::store::Account;

/// Whether the device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Phase {
    /// On its way, or waiting for somebody to scan its code.
    Connecting,
    /// Messages come and go.
    Connected,
    /// Not connected, and the reason says whether it will be by itself.
    Disconnected,
}

/// Why it is not connected. The names are the field's and an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Reason {
    /// Waits for a phone to scan its code.
    ScanQr,
    /// The connection ended and is made anew.
    AutoReconnect,
    /// The phone unlinked it, or it did itself. Its keys are gone.
    LoggedOut,
    /// WhatsApp locked the account for a while; tried again when that is over.
    TemporaryBan,
    /// Nobody scanned a code in time.
    QrTimeout,
    /// WhatsApp broke the connection off; it is made anew after a pause.
    StreamError,
    /// The same device connected from elsewhere.
    StreamReplaced,
    /// WhatsApp no longer speaks to this version.
    ClientOutdated,
    /// Somebody stopped it.
    ManualStop,
    /// WhatsApp refused it, or its keys can't be used.
    Failed,
}

/// The state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// Whether it is connected.
    #[serde(rename = "status")]
    pub(crate) phase: Phase,
    /// Why not.
    pub(crate) reason: Option<Reason>,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Connections that failed one after the other.
    pub(crate) failures: u32,
    /// When the next one is tried, where there is a pause.
    pub(crate) retry_at: Option<Timestamp>,
    /// What somebody has to see to, in words, where the reason does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<&'static str>,
}

impl Status {
    pub(crate) fn new(phase: Phase, reason: Option<Reason>, since: Timestamp) -> Self {
        Self {
            phase,
            reason,
            since,
            failures: 0,
            retry_at: None,
            problem: None,
        }
    }

    /// Whether this says the same as another, whatever the time.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.phase == other.phase && self.reason == other.reason && self.problem == other.problem
    }
}

/// Who the device is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// Whether a phone linked it.
    pub(crate) linked: bool,
    /// The phone's number, masked.
    pub(crate) phone: Option<String>,
    /// The device's address.
    pub(crate) jid: Option<String>,
    /// Its other address, without the number.
    pub(crate) lid: Option<String>,
    /// The account's name for itself.
    pub(crate) push_name: Option<String>,
    /// The account.
    #[serde(flatten)]
    pub(crate) account: Account,
}

/// What `GET /status` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StatusView {
    /// The connection.
    #[serde(flatten)]
    pub(crate) status: Status,
    /// The device.
    #[serde(flatten)]
    pub(crate) identity: Identity,
}

/// A code that links the device, for as long as it holds. Never logged.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) expires_at: Timestamp,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
