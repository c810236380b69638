//! Secrets by name: from `Secret` documents, or from folders with a file per key, as the kubelet
//! mounts them.

use std::{collections::BTreeMap, fmt};

use titan_crds::Reason;
use zeroize::Zeroizing;

use super::{documents::Documents, folders::Folders, memory::Recall};

/// A secret value. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// The bytes as they stand.
    #[must_use]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, without surrounding white space (files tend to end in a line feed).
    #[must_use]
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().map(str::trim)
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text.into_bytes()))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// Where secrets are looked up.
#[derive(Debug)]
pub(super) struct Secrets<'a> {
    documents: &'a Documents,
    folders: Folders,
    recall: &'a Recall<BTreeMap<String, SecretValue>>,
}

/// Something that the resources name and that is not there, or is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// For the condition.
    pub reason: Reason,
    /// Names the object and the key; never with a value.
    pub message: String,
    /// The Secret that it is about.
    pub secret: Option<String>,
}

impl<'a> Secrets<'a> {
    /// Looks in `documents` first, then in `folders`, then for what was there before.
    pub(super) fn new(
        documents: &'a Documents,
        folders: Folders,
        recall: &'a Recall<BTreeMap<String, SecretValue>>,
    ) -> Self {
        Self {
            documents,
            folders,
            recall,
        }
    }

    /// Every key of a Secret; `None` where there is no such Secret.
    pub(super) fn all(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, SecretValue>> {
        let id = (namespace.to_owned(), name.to_owned());
        let document = self.documents.secrets.get(&id).cloned();
        let found = document
            .or_else(|| self.folders.read(namespace, name))
            .map(|data| {
                let value = |bytes| SecretValue(Zeroizing::new(bytes));
                data.into_iter()
                    .map(|(key, bytes)| (key, value(bytes)))
                    .collect()
            });
        self.recall.look(id, found)
    }

    /// One key of a Secret.
    ///
    /// # Errors
    ///
    /// [`Missing`], naming Secret and key.
    pub(super) fn get(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
    ) -> Result<SecretValue, Missing> {
        let mut all = self
            .all(namespace, name)
            .ok_or_else(|| Missing::secret(name))?;
        all.remove(key).ok_or_else(|| Missing::key(name, key))
    }

    /// The Secrets that have vanished, of those looked up since the last call.
    pub(super) fn vanished(&self) -> impl Iterator<Item = Missing> {
        self.recall.take_vanished().into_iter().map(|name| {
            let gone = Missing::secret(&name);
            Missing {
                message: format!("{}; its last values stay in use", gone.message),
                ..gone
            }
        })
    }
}

impl Missing {
    /// There is no such Secret.
    pub(super) fn secret(name: &str) -> Self {
        Self {
            reason: Reason::SecretNotFound,
            message: format!("Secret {name:?} is not there"),
            secret: Some(name.to_owned()),
        }
    }

    /// The value of a key is of no use. `why` never holds it.
    pub(super) fn invalid(name: &str, key: &str, why: &str) -> Self {
        Self {
            reason: Reason::SecretIncomplete,
            message: format!("Secret {name:?}, key {key:?}: {why}"),
            secret: Some(name.to_owned()),
        }
    }

    /// The Secret lacks a key.
    pub(super) fn key(name: &str, key: &str) -> Self {
        Self {
            reason: Reason::SecretIncomplete,
            message: format!("Secret {name:?} has no key {key:?}"),
            secret: Some(name.to_owned()),
        }
    }

    /// Something that is about no Secret.
    pub(super) fn other(reason: Reason, message: String) -> Self {
        Self {
            reason,
            message,
            secret: None,
        }
    }
}
