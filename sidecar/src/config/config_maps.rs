//! `ConfigMap`s by name, for the certificates of private CAs: from documents, or from folders.

use std::collections::BTreeMap;

use titan_crds::{ConfigMapKeyRef, Reason};

use super::{documents::Documents, folders::Folders, memory::Recall, secrets::Missing};

/// Where `ConfigMap`s are looked up.
#[derive(Debug)]
pub(super) struct ConfigMaps<'a> {
    documents: &'a Documents,
    folders: Folders,
    recall: &'a Recall<BTreeMap<String, Vec<u8>>>,
}

impl<'a> ConfigMaps<'a> {
    /// Looks in `documents` first, then in `folders`, then for what was there before.
    pub(super) fn new(
        documents: &'a Documents,
        folders: Folders,
        recall: &'a Recall<BTreeMap<String, Vec<u8>>>,
    ) -> Self {
        Self {
            documents,
            folders,
            recall,
        }
    }

    /// One key of a `ConfigMap`.
    ///
    /// # Errors
    ///
    /// [`Missing`], naming `ConfigMap` and key.
    pub(super) fn get(
        &self,
        namespace: &str,
        reference: &ConfigMapKeyRef,
    ) -> Result<Vec<u8>, Missing> {
        let ConfigMapKeyRef { name, key } = reference;
        let id = (namespace.to_owned(), name.clone());
        let document = self.documents.config_maps.get(&id).map(|data| {
            let bytes = |(key, text): (&String, &String)| (key.clone(), text.clone().into_bytes());
            data.iter().map(bytes).collect()
        });
        let found = document.or_else(|| self.folders.read(namespace, name));
        let missing = |what: String| Missing::other(Reason::ConfigMapNotFound, what);
        let mut data = self
            .recall
            .look(id, found)
            .ok_or_else(|| missing(format!("ConfigMap {name:?} is not there")))?;
        data.remove(key)
            .ok_or_else(|| missing(format!("ConfigMap {name:?} has no key {key:?}")))
    }

    /// The `ConfigMap`s that have vanished, of those looked up since the last call.
    pub(super) fn vanished(&self) -> impl Iterator<Item = Missing> {
        self.recall.take_vanished().into_iter().map(|name| {
            let message = format!("ConfigMap {name:?} is not there; its last values stay in use");
            Missing::other(Reason::ConfigMapNotFound, message)
        })
    }
}
