//! Who and what a message is: tenant and session, chat, message and media ids.

use std::fmt;

/// A session in its tenant. Every record, queue and key belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The tenant: the Kubernetes namespace of the `MediaSession`.
    pub tenant: String,
    /// The session's API name (`spec.session`, else `metadata.name`).
    pub session: String,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.session)
    }
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
    /// Sender within a group or broadcast; `None` in a direct chat.
    pub participant: Option<String>,
    /// WhatsApp's message id.
    pub id: String,
}

/// The id under which a media file is known to callers: lower-case hex, stable over redeliveries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct MediaId(pub String);

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
