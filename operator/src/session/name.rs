//! Names of what the operator makes for a session: checked once, valid ever after.

use std::fmt;

use crate::names::Owner;

/// The longest name of a session that leaves room for every suffix in a DNS label.
const MAX_SESSION_NAME: usize = 40;
/// How much of the uid stands in the name of the API-key Secret.
const UID_PART: usize = 8;

/// Why a session's name gives no names of children.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata.name must be a DNS label of at most {MAX_SESSION_NAME} characters")]
pub struct NameError;

/// `msess-<name>`: the name of every child but the API-key Secret. A DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildName(String);

impl ChildName {
    /// The name of a session's children.
    ///
    /// # Errors
    /// If the session's name is no DNS label, or too long. The schema refuses such names; an API server that
    /// lost its rules does not.
    pub fn of(session: &Owner) -> Result<Self, NameError> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let name = &session.name;
        let label = name.len() <= MAX_SESSION_NAME
            && name.starts_with(inner)
            && name.ends_with(inner)
            && name.chars().all(|c| inner(c) || c == '-');
        label.then(|| Self(session.child_name())).ok_or(NameError)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `<child>-api-key-<first 8 of uid>`. A piece of the uid stands in it, so that the Secret of a session that
    /// was deleted, and that garbage collection has yet to take away, is never taken for that of its successor.
    #[must_use]
    pub fn api_key_secret(&self, uid: &str) -> String {
        let part: String = uid.chars().take(UID_PART).collect();
        format!("{self}-api-key-{part}")
    }
}

impl fmt::Display for ChildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use titan_crds::MediaSession;

    use super::*;

    fn child(name: &str) -> Result<ChildName, NameError> {
        let mut session = MediaSession::new(name, titan_crds::MediaSessionSpec::default());
        session.metadata.namespace = Some("acme".to_owned());
        session.metadata.uid = Some("0123abcd-ffff-4fff-8fff-ffffffffffff".to_owned());
        ChildName::of(&Owner::session(&session).unwrap())
    }

    #[test]
    fn the_longest_name_gives_names_that_are_dns_labels() {
        let child = child(&"a".repeat(40)).unwrap();
        let secret = child.api_key_secret("0123abcd-ffff-4fff-8fff-ffffffffffff");
        assert_eq!(secret.len(), 63);
        assert!(secret.ends_with("-api-key-0123abcd"));
    }

    #[test]
    fn what_is_no_dns_label_is_refused() {
        for name in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(41)] {
            assert_eq!(child(name), Err(NameError), "{name}");
        }
    }
}
