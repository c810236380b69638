//! Who and what a message is: tenant and session, chat, message and media ids.

use std::fmt;

use sha2::{Digest, Sha256};

/// Server part of a phone-number JID.
const PHONE_SERVER: &str = "s.whatsapp.net";
/// Server part of a LID, WhatsApp's private identifier of an account.
const LID_SERVER: &str = "lid";

/// A session in its tenant. Every record, queue and key belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The tenant: the Kubernetes namespace of the `MediaSession`.
    pub tenant: String,
    /// The session's API name (`spec.session`, else `metadata.name`).
    pub session: String,
}

/// What makes a message the same message: in a group, a member's reuse of another member's id is
/// another message. All JIDs are normalised (no device part, `c.us` → `s.whatsapp.net`, a phone
/// number preferred where the payload gives it beside a LID).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageKey {
    /// Chat JID.
    pub chat: String,
    /// Sent by the session's own account.
    pub from_me: bool,
    /// Sender within a group or broadcast. `None` in a direct chat, and for what the session sent
    /// itself: gateways name the own account in some deliveries of a message and not in others.
    pub participant: Option<String>,
    /// WhatsApp's message id.
    pub id: String,
}

/// The id under which a media file is known to callers: lower-case hex, stable over redeliveries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct MediaId(pub String);

/// A JID without what changes between deliveries: no device or agent part, `c.us` and hosted
/// servers mapped to the account's own, the server in lower case. Text without `@` is returned as
/// it is.
#[must_use]
pub fn normalise_jid(jid: &str) -> String {
    let jid = jid.trim();
    let Some((user, server)) = jid.split_once('@') else {
        return jid.to_owned();
    };
    let server = match server.to_ascii_lowercase().as_str() {
        "c.us" | "hosted" => PHONE_SERVER.to_owned(),
        "hosted.lid" => LID_SERVER.to_owned(),
        other => other.to_owned(),
    };
    let user = user.split_once(':').map_or(user, |(user, _device)| user);
    let user = match server.as_str() {
        PHONE_SERVER | LID_SERVER => user.split_once('.').map_or(user, |(user, _agent)| user),
        _ => user,
    };
    format!("{user}@{server}")
}

/// The same account under the name that is kept: of a JID and its alternative (both normalised)
/// the phone number, whichever place it stands in.
#[must_use]
pub fn prefer_phone(jid: String, alternative: Option<String>) -> String {
    match alternative {
        Some(alternative) if is_lid(&jid) && is_phone(&alternative) => alternative,
        _ => jid,
    }
}

/// The digits of a phone-number JID; `None` for every other JID.
#[must_use]
pub fn phone_of(jid: &str) -> Option<&str> {
    user_at(jid, PHONE_SERVER)
        .filter(|user| !user.is_empty() && user.bytes().all(|b| b.is_ascii_digit()))
}

/// The user part of a LID; `None` for every other JID.
#[must_use]
pub fn lid_of(jid: &str) -> Option<&str> {
    user_at(jid, LID_SERVER).filter(|user| !user.is_empty())
}

/// Whether a chat has several senders, so that the sender is part of a message's identity: groups,
/// broadcast lists and statuses. In a channel the channel itself is the sender.
#[must_use]
pub fn has_participants(chat: &str) -> bool {
    chat.ends_with("@g.us") || chat.ends_with("@broadcast")
}

fn user_at<'a>(jid: &'a str, server: &str) -> Option<&'a str> {
    jid.split_once('@')
        .and_then(|(user, found)| (found == server).then_some(user))
}

fn is_lid(jid: &str) -> bool {
    lid_of(jid).is_some()
}

fn is_phone(jid: &str) -> bool {
    phone_of(jid).is_some()
}

// === impl SessionKey ===

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.session)
    }
}

// === impl MessageKey ===

impl MessageKey {
    /// SHA-256 over session and key, each field with its length before it, so that no two keys
    /// share an input.
    #[must_use]
    pub fn hash(&self, session: &SessionKey) -> [u8; 32] {
        self.digest(session).finalize().into()
    }

    /// A short name for this message in logs, that says nothing about who wrote it.
    #[must_use]
    pub fn trace_id(&self, session: &SessionKey) -> String {
        let mut trace = hex::encode(self.hash(session));
        trace.truncate(16);
        trace
    }

    fn digest(&self, session: &SessionKey) -> Sha256 {
        let Self {
            chat,
            from_me,
            participant,
            id,
        } = self;
        let mut digest = Sha256::new();
        field(&mut digest, session.tenant.as_bytes());
        field(&mut digest, session.session.as_bytes());
        field(&mut digest, chat.as_bytes());
        field(&mut digest, &[u8::from(*from_me)]);
        field(&mut digest, &[u8::from(participant.is_some())]);
        field(&mut digest, participant.as_deref().unwrap_or("").as_bytes());
        field(&mut digest, id.as_bytes());
        digest
    }
}

fn field(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

// === impl MediaId ===

impl MediaId {
    /// The id of the file at `position` of a message: 128 bits of a SHA-256 over session, key and
    /// position, as 32 lower-case hex characters.
    #[must_use]
    pub fn of(session: &SessionKey, key: &MessageKey, position: usize) -> Self {
        let mut digest = key.digest(session);
        field(&mut digest, &(position as u64).to_be_bytes());
        let mut id = hex::encode(digest.finalize());
        id.truncate(32);
        Self(id)
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> SessionKey {
        SessionKey {
            tenant: "acme".into(),
            session: "default".into(),
        }
    }

    fn key(participant: Option<&str>) -> MessageKey {
        MessageKey {
            chat: "120363025246125486@g.us".into(),
            from_me: false,
            participant: participant.map(str::to_owned),
            id: "3EB0C431C26A1916E07A".into(),
        }
    }

    #[test]
    fn jids_lose_device_agent_and_old_server() {
        for (given, wanted) in [
            (
                "5511999999999:12@s.whatsapp.net",
                "5511999999999@s.whatsapp.net",
            ),
            (
                "5511999999999.0:12@s.whatsapp.net",
                "5511999999999@s.whatsapp.net",
            ),
            ("5511999999999@c.us", "5511999999999@s.whatsapp.net"),
            ("5511999999999:99@hosted", "5511999999999@s.whatsapp.net"),
            ("249868741992573:3@lid", "249868741992573@lid"),
            ("249868741992573:99@hosted.lid", "249868741992573@lid"),
            (
                "5511999999999-1400000000@g.us",
                "5511999999999-1400000000@g.us",
            ),
            ("status@broadcast", "status@broadcast"),
            (
                " 5511999999999@S.WhatsApp.Net ",
                "5511999999999@s.whatsapp.net",
            ),
            ("5511999999999", "5511999999999"),
        ] {
            assert_eq!(normalise_jid(given), wanted, "{given}");
        }
    }

    #[test]
    fn phone_is_preferred_to_lid_and_nothing_else_is() {
        let phone = Some("5511999999999@s.whatsapp.net".to_owned());
        assert_eq!(
            prefer_phone("1@lid".into(), phone.clone()),
            "5511999999999@s.whatsapp.net"
        );
        assert_eq!(
            prefer_phone("2@s.whatsapp.net".into(), phone.clone()),
            "2@s.whatsapp.net"
        );
        assert_eq!(prefer_phone("3@g.us".into(), phone), "3@g.us");
        assert_eq!(prefer_phone("1@lid".into(), Some("2@lid".into())), "1@lid");
    }

    #[test]
    fn another_member_who_reuses_an_id_gets_another_media_id() {
        let ours = MediaId::of(&session(), &key(Some("1@s.whatsapp.net")), 0);
        let theirs = MediaId::of(&session(), &key(Some("2@s.whatsapp.net")), 0);
        assert_ne!(ours, theirs);
        assert_ne!(ours, MediaId::of(&session(), &key(None), 0));
    }

    #[test]
    fn media_ids_are_stable_hex_and_differ_by_position_and_session() {
        let id = MediaId::of(&session(), &key(None), 0);
        assert_eq!(id, MediaId::of(&session(), &key(None), 0));
        assert_eq!(id.0.len(), 32);
        assert!(
            id.0.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        assert_ne!(id, MediaId::of(&session(), &key(None), 1));
        let other = SessionKey {
            tenant: "acmed".into(),
            session: "efault".into(),
        };
        assert_ne!(id, MediaId::of(&other, &key(None), 0));
    }
}
