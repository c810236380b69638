//! Hashes that name things: stable, so that a second run makes the same ids.

use sha2::{Digest, Sha256};

use crate::message::{MediaId, SessionKey};

/// Identity of a message within all tenants: what a redelivery is recognised by.
pub(super) type KeyHash = [u8; 32];

/// Longest value of an indexed column that others choose, bytes.
const LONGEST_INDEXED: usize = 1000;

/// What an event is about, beside its name.
#[derive(Debug)]
pub(super) enum About<'a> {
    /// The message itself.
    Message,
    /// A ciphertext stub under the message's id: the content that may come later is another event.
    Placeholder,
    /// One of its files, in the n-th round of asking for it.
    Media(&'a MediaId, i64),
    /// A call that is answered by it.
    Command(&'a str),
    /// What a notice is about.
    Notice(&'a str),
}

/// The id of an event: receivers drop what they have seen, so the same event always has this id.
pub(super) fn event_id(
    session: &SessionKey,
    message: &KeyHash,
    name: &str,
    about: &About<'_>,
) -> String {
    let mut hash = Fields::default();
    hash.text(&session.tenant);
    hash.text(&session.session);
    hash.field(message);
    hash.text(name);
    match about {
        About::Message => {}
        About::Placeholder => hash.text("placeholder"),
        About::Media(id, round) => {
            hash.text(&id.0);
            hash.field(&round.to_be_bytes());
        }
        About::Command(id) | About::Notice(id) => hash.text(id),
    }
    let digest = hex::encode(hash.finish());
    format!("evt_{}", digest.get(..32).unwrap_or(&digest))
}

/// What is looked up by an index, as its column has it: real ids have a hundred bytes at most, and an
/// index entry of Postgres has 2,700. A longer one is its beginning and its hash.
pub(super) fn indexed(mut text: String) -> String {
    if text.len() > LONGEST_INDEXED {
        let digest = hex::encode(Sha256::digest(&text));
        text.truncate(text.floor_char_boundary(LONGEST_INDEXED - digest.len()));
        text.push_str(&digest);
    }
    text
}

/// SHA-256 over fields that each stand behind their length, so that no two lists hash alike.
#[derive(Default)]
struct Fields(Sha256);

impl Fields {
    fn text(&mut self, text: &str) {
        self.field(text.as_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
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

    #[test]
    fn what_is_too_long_for_an_index_is_cut_and_stays_distinct() {
        let id = |last: &str| "ü".repeat(700) + last;
        assert_eq!(indexed("3EB0".into()), "3EB0");
        let (one, other) = (indexed(id("a")), indexed(id("b")));
        assert_ne!(one, other);
        assert!(one.len() <= LONGEST_INDEXED && one.starts_with('ü'));
    }

    #[test]
    fn event_ids_are_stable_and_differ_by_what_they_are_about() {
        let id = |name, about| event_id(&session(), &[1; 32], name, &about);
        let media = MediaId("ab".into());
        let received = id("message.received", About::Message);
        assert_eq!(received, id("message.received", About::Message));
        assert!(received.starts_with("evt_") && received.len() == 36);
        let others = [
            id("message.received", About::Placeholder),
            id("media.failed", About::Media(&media, 0)),
            id("media.failed", About::Media(&media, 1)),
            id("media.persisted", About::Media(&media, 0)),
            id("command.result", About::Command("cmd-1")),
            id("command.result", About::Command("cmd-2")),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, received);
            assert!(!others[index + 1..].contains(other));
        }
    }
}
