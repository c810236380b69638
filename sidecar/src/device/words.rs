//! What the two programs say to each other, as JSON (`whatsapp/README.md`).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether the device is connected. The names are Titan's (`titan-api.md` §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// On its way, or waiting for somebody to scan its code.
    #[default]
    Connecting,
    /// Messages come and go.
    Connected,
    /// Not connected.
    Disconnected,
}

/// How the device is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Whether it is connected.
    #[serde(rename = "status")]
    pub phase: Phase,
    /// Why it is not: the name of a [`titan_crds::Reason`].
    pub reason: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When the next connection is tried, where there is a pause.
    pub retry_at: Option<Timestamp>,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
    /// Whether a phone linked it.
    pub linked: bool,
    /// The phone's number, masked.
    pub phone: Option<String>,
    /// The device's address; it has the whole number.
    pub jid: Option<String>,
    /// Its other address, without the number.
    pub lid: Option<String>,
    /// The account's name for itself.
    pub push_name: Option<String>,
}

/// A code that links the device. Whoever has it can take the account's messages: never logged.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    /// The code.
    pub code: String,
    /// How long it holds.
    pub expires_at: Timestamp,
}

/// What uploads need (`whatsapp-media.md` §2.1).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaConn {
    /// Opens uploads. Never in a GET, never in a log.
    pub auth: String,
    /// How long the hosts are good, seconds.
    pub ttl: u64,
    /// How long `auth` is good, seconds.
    #[serde(default)]
    pub auth_ttl: Option<u64>,
    /// Where files are, the best host first.
    pub hosts: Vec<Host>,
}

/// A host of WhatsApp's CDN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Its name.
    pub hostname: String,
    /// The name to use where that one fails.
    #[serde(default)]
    pub fallback: Option<String>,
}

/// A message that WhatsApp has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taken {
    /// The id that was given.
    pub id: String,
    /// When WhatsApp took it, Unix seconds, where it says so.
    #[serde(default)]
    pub timestamp: Option<i64>,
}

/// Something that happened.
#[derive(Clone, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Happening {
    /// The device's status is another one.
    Status(Box<Status>),
    /// A code to scan.
    Qr(Code),
    /// WhatsApp has a message that was sent, or refused it.
    Ack {
        /// The message.
        id: String,
        /// Why it was refused.
        #[serde(default)]
        error: Option<String>,
    },
    /// Somebody got, read or played messages.
    Receipt(Receipt),
    /// What this program does not ask for, or does not know.
    #[serde(other)]
    Unknown,
}

/// Somebody got, read or played messages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// The chat.
    pub chat: String,
    /// Who.
    pub sender: String,
    /// Which messages.
    pub ids: Vec<String>,
    /// `delivered`, `read`, `readSelf`, `played` or `playedSelf`.
    pub kind: String,
    /// When, Unix seconds.
    pub timestamp: i64,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MediaConn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaConn")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
