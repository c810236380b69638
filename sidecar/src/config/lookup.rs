//! Whatever a session's fields may refer to, by name.

use std::collections::BTreeSet;

use titan_crds::{Reason, TenantStorage};

use super::{
    Sources, WorkloadIdentity,
    config_maps::ConfigMaps,
    documents::{Documents, namespace_of},
    folders::Folders,
    memory::{Memory, Recall},
    secrets::{Missing, Secrets},
};

/// The objects of one reading of the configuration.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) documents: &'a Documents,
    pub(super) secrets: Secrets<'a>,
    pub(super) config_maps: ConfigMaps<'a>,
    pub(super) identity: &'a WorkloadIdentity,
    storages: &'a Recall<TenantStorage>,
}

impl<'a> Lookup<'a> {
    /// Looks in `documents`, then in the folders of `sources`, then in `memory`.
    pub(super) fn new(sources: &'a Sources, documents: &'a Documents, memory: &'a Memory) -> Self {
        let (secrets, config_maps) = (sources.secrets.clone(), sources.config_maps.clone());
        let namespaces = namespaces(documents);
        Self {
            documents,
            secrets: Secrets::new(
                documents,
                Folders::new(secrets, namespaces),
                &memory.secrets,
            ),
            config_maps: ConfigMaps::new(
                documents,
                Folders::new(config_maps, namespaces),
                &memory.config_maps,
            ),
            identity: &sources.identity,
            storages: &memory.storages,
        }
    }

    /// A `TenantStorage`.
    ///
    /// # Errors
    ///
    /// [`Missing`], naming it.
    pub(super) fn storage(&self, namespace: &str, name: &str) -> Result<TenantStorage, Missing> {
        let id = (namespace.to_owned(), name.to_owned());
        let found = self.documents.storages.get(&id).cloned();
        self.storages
            .look(id, found)
            .ok_or_else(|| not_there(name, ""))
    }

    /// What has vanished and stays in use as it last was, of all that was looked up since the last
    /// call.
    pub(super) fn vanished(&self) -> Vec<Missing> {
        let storages = self.storages.take_vanished().into_iter();
        storages
            .map(|name| not_there(&name, "; its last state stays in use"))
            .chain(self.secrets.vanished())
            .chain(self.config_maps.vanished())
            .collect()
    }
}

fn not_there(name: &str, consequence: &str) -> Missing {
    let message = format!("TenantStorage {name:?} is not there{consequence}");
    Missing::other(Reason::StorageNotFound, message)
}

fn namespaces(documents: &Documents) -> usize {
    let sessions = documents.sessions.iter();
    let storages = documents.storages.keys();
    sessions
        .map(|session| namespace_of(&session.metadata))
        .chain(storages.map(|(namespace, _)| namespace.clone()))
        .collect::<BTreeSet<_>>()
        .len()
}
