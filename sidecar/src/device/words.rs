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
    /// Name of the business, of WhatsApp Business accounts.
    pub business_name: Option<String>,
    /// What the phone runs, in WhatsApp's words.
    pub platform: Option<String>,
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

impl MediaConn {
    /// Names of the hosts in WhatsApp's order, then those that stand in for them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(2 * self.hosts.len());
        let first = self.hosts.iter().map(|host| &host.hostname);
        let fallbacks = self.hosts.iter().filter_map(|host| host.fallback.as_ref());
        for name in first.chain(fallbacks) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
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

/// A question to the phone: upload a file again (`whatsapp-media.md` §3).
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaRetry {
    /// Id of the file's message.
    pub id: String,
    /// Its chat.
    pub chat: String,
    /// Its sender, in groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// Sent by the session's own account.
    pub from_me: bool,
    /// The file's key, base64.
    pub media_key: String,
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
    /// The phone's answer to a [`MediaRetry`].
    MediaRetry {
        /// The message.
        id: String,
        /// What it says.
        #[serde(flatten)]
        answer: MediaRetryAnswer,
    },
    /// A program that is newer than this one.
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

/// What the phone answered.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "result",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum MediaRetryAnswer {
    /// The file is there again.
    Success {
        /// Where: a signed path, never logged.
        direct_path: String,
    },
    /// The phone no longer has it.
    NotFound,
    /// The phone could not read the question.
    DecryptionError,
    /// Something else.
    GeneralError,
    /// An answer to a question from before the program's restart, sealed with the media key.
    Sealed {
        /// AES-256-GCM, base64.
        ciphertext: String,
        /// Its nonce, base64.
        iv: String,
    },
    /// What a newer program says.
    #[serde(other)]
    Unknown,
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

impl fmt::Debug for MediaRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaRetry")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(result: &serde_json::Value) -> Option<MediaRetryAnswer> {
        let mut event = json!({"type": "mediaRetry", "id": "3EB0"});
        let members = event.as_object_mut()?;
        members.extend(result.as_object()?.clone());
        match serde_json::from_value(event).ok()? {
            Happening::MediaRetry { id, answer } if id == "3EB0" => Some(answer),
            _ => None,
        }
    }

    #[test]
    fn the_answers_of_the_phone_are_read() {
        let found = MediaRetryAnswer::Success {
            direct_path: "/v/1".to_owned(),
        };
        let sealed = MediaRetryAnswer::Sealed {
            ciphertext: "eA==".to_owned(),
            iv: "eQ==".to_owned(),
        };
        for (said, meant) in [
            (json!({"result": "success", "directPath": "/v/1"}), found),
            (json!({"result": "notFound"}), MediaRetryAnswer::NotFound),
            (
                json!({"result": "decryptionError"}),
                MediaRetryAnswer::DecryptionError,
            ),
            (
                json!({"result": "generalError"}),
                MediaRetryAnswer::GeneralError,
            ),
            (json!({"result": "later"}), MediaRetryAnswer::Unknown),
            (
                json!({"result": "sealed", "ciphertext": "eA==", "iv": "eQ=="}),
                sealed,
            ),
        ] {
            assert!(answer(&said) == Some(meant), "{said}");
        }
    }

    #[test]
    fn a_question_shows_no_key() {
        let question = MediaRetry {
            id: "3EB0".to_owned(),
            chat: "49@s.whatsapp.net".to_owned(),
            participant: None,
            from_me: false,
            media_key: "c2VjcmV0".to_owned(),
        };
        assert!(!format!("{question:?}").contains("c2VjcmV0"));
        let said = serde_json::to_value(&question).unwrap();
        let words = json!({"id": "3EB0", "chat": "49@s.whatsapp.net", "fromMe": false, "mediaKey": "c2VjcmV0"});
        assert_eq!(said, words);
    }

    #[test]
    fn hosts_come_in_their_order_and_their_stand_ins_after_them() {
        let host = |name: &str, fallback: Option<&str>| Host {
            hostname: name.to_owned(),
            fallback: fallback.map(str::to_owned),
        };
        let conn = MediaConn {
            auth: "secret".to_owned(),
            ttl: 300,
            auth_ttl: None,
            hosts: vec![host("a", Some("c")), host("b", Some("c")), host("c", None)],
        };
        assert_eq!(conn.names(), ["a", "b", "c"]);
        assert!(!format!("{conn:?}").contains("secret"));
    }
}
