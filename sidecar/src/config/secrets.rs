//! Secrets by name: from `Secret` documents, or from folders with a file per key, as the kubelet
//! mounts them.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use zeroize::Zeroizing;

use super::documents::Documents;

/// A secret value. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// The bytes as they stand.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, without surrounding white space (files tend to end in a line feed).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().map(str::trim)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// Where secrets are looked up.
#[derive(Debug)]
pub struct Secrets<'a> {
    documents: &'a Documents,
    dir: Option<PathBuf>,
    /// With more than one namespace, `DIR/<name>` alone would hand one tenant's Secret to another.
    by_namespace_only: bool,
}

/// Why a value is not there, with a condition reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `SecretNotFound`, `SecretIncomplete`, `SecretInvalid` …
    pub reason: &'static str,
    /// Names Secret and key.
    pub message: String,
}

impl<'a> Secrets<'a> {
    /// Looks in `documents` first, then below `dir`.
    #[must_use]
    pub fn new(documents: &'a Documents, dir: Option<PathBuf>, namespaces: usize) -> Self {
        Self {
            documents,
            dir,
            by_namespace_only: namespaces > 1,
        }
    }

    /// Every key of a Secret; `None` where there is no such Secret.
    #[must_use]
    pub fn all(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, SecretValue>> {
        let id = (namespace.to_owned(), name.to_owned());
        if let Some(data) = self.documents.secrets.get(&id) {
            return Some(
                data.iter()
                    .map(|(key, value)| (key.clone(), SecretValue(Zeroizing::new(value.clone()))))
                    .collect(),
            );
        }
        self.folders(namespace, name).find_map(read_folder)
    }

    /// One key of a Secret.
    ///
    /// # Errors
    ///
    /// [`Missing`], naming Secret and key.
    pub fn get(&self, namespace: &str, name: &str, key: &str) -> Result<SecretValue, Missing> {
        let mut all = self
            .all(namespace, name)
            .ok_or_else(|| Missing::secret(name))?;
        all.remove(key).ok_or_else(|| Missing::key(name, key))
    }

    fn folders(&self, namespace: &str, name: &str) -> impl Iterator<Item = PathBuf> {
        let nested = self.dir.as_ref().map(|dir| dir.join(namespace).join(name));
        let flat = self
            .dir
            .as_ref()
            .filter(|_| !self.by_namespace_only)
            .map(|dir| dir.join(name));
        nested.into_iter().chain(flat)
    }
}

impl Missing {
    /// There is no such Secret.
    #[must_use]
    pub fn secret(name: &str) -> Self {
        Self {
            reason: "SecretNotFound",
            message: format!("Secret {name:?} is not there"),
        }
    }

    /// The value of a key is of no use. `why` never holds it.
    #[must_use]
    pub fn invalid(name: &str, key: &str, why: &str) -> Self {
        Self {
            reason: "SecretInvalid",
            message: format!("Secret {name:?}, key {key:?}: {why}"),
        }
    }

    /// The Secret lacks a key.
    #[must_use]
    pub fn key(name: &str, key: &str) -> Self {
        Self {
            reason: "SecretIncomplete",
            message: format!("Secret {name:?} has no key {key:?}"),
        }
    }
}

/// A folder's files by name; hidden ones (`..data` of a mount) are not keys. A folder without a key
/// is what the kubelet mounts for an optional Secret that is not there.
fn read_folder(folder: PathBuf) -> Option<BTreeMap<String, SecretValue>> {
    let mut values = BTreeMap::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if let Ok(bytes) = fs::read(entry.path()) {
            values.insert(name, SecretValue(Zeroizing::new(bytes)));
        }
    }
    (!values.is_empty()).then_some(values)
}
