//! Every read of a reconcile: what the session refers to, what is there already, what its pods say.
//!
//! Nearly all of it is in memory, from the watches and the poller. The API server is asked for a volume that was not
//! seen before, for a route's status, and for the ConfigMap of a session whose storage is gone.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::{ConfigMap, PersistentVolumeClaim},
        networking::v1::{Ingress, NetworkPolicy},
    },
};
use kube::{Api, Resource, ResourceExt, runtime::reflector::ObjectRef};
use serde::de::DeserializeOwned;
use titan_crds::{MediaSession, MediaSessionStatus, TenantStorage};

use super::{
    Error,
    build::{Found, FoundVolume, HttpRoute, internet_ports},
    memory::Memory,
    status::{Route, Seen, report_of},
};
use crate::{
    apply::{Child, Key},
    context::Context,
    document::{self, Identity, StorageDocument},
    names::Owner,
};

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Facts {
    /// The newest status that is known.
    pub(super) status: MediaSessionStatus,
    /// The storage as the pod shall read it, or goes on reading it although it is gone.
    pub(super) storage: Option<StorageDocument>,
    pub(super) found: Found,
    pub(super) seen: Seen,
}

pub(super) async fn dereference(
    session: &MediaSession,
    context: &Context,
    memory: &Memory,
) -> Result<Facts, Error> {
    let owner = Owner::session(session).ok_or(Error::Incomplete)?;
    let reader = Reader {
        context,
        owner: &owner,
    };
    let (storage, storage_gone) = reader.storage(session).await?;
    let mut found = Found {
        volume: reader.volume(memory).await?,
        ..Found::default()
    };
    // A bucket's port that only the Secret told stays open without its storage.
    if storage_gone.is_some() && storage.is_some() {
        let policy: Option<NetworkPolicy> = reader.read().await?;
        found.ports = policy.as_ref().map(internet_ports).unwrap_or_default();
    }
    let pods = context.pods.of_session(&owner.namespace, &owner.name);
    let running = pods.iter().filter(|pod| pod.running);
    let seen = Seen {
        workload: context.workloads.get(&owner.namespace, &owner.child_name()),
        reports: running
            .map(|pod| context.sidecars.report(&pod.uid))
            .collect(),
        pods,
        route: Route::None,
        storage_gone,
    };
    Ok(Facts {
        status: context.session_statuses.latest(session),
        storage,
        found,
        seen,
    })
}

/// The state of the route, after it was applied.
pub(super) async fn route(
    owner: &Owner,
    resources: &super::build::Resources<super::build::Applied>,
    context: &Context,
    memory: &Memory,
) -> Result<Route, Error> {
    let reader = Reader { context, owner };
    if resources.http_route.is_some() {
        if !memory.has_gateway_api() {
            return Ok(Route::NoGatewayApi);
        }
        let route: Option<HttpRoute> = reader.read().await?;
        return Ok(Route::HttpRoute(route.and_then(|route| route.status)));
    }
    if resources.ingress.is_some() {
        let ingress: Option<Ingress> = reader.read().await?;
        let addresses = ingress
            .and_then(|ingress| ingress.status?.load_balancer?.ingress)
            .unwrap_or_default();
        return Ok(Route::Ingress {
            admitted: !addresses.is_empty(),
        });
    }
    Ok(Route::None)
}

struct Reader<'a> {
    context: &'a Context,
    owner: &'a Owner,
}

impl Reader<'_> {
    /// The storage, and its name where it is not there. A session that worked with one that is gone goes on with the
    /// document that its ConfigMap has: what is built of it is what was built before, and a Deployment that is deleted
    /// comes back as it was.
    async fn storage(
        &self,
        session: &MediaSession,
    ) -> Result<(Option<StorageDocument>, Option<String>), Error> {
        let Some(reference) = &session.spec.storage_ref else {
            return Ok((None, None));
        };
        let object: ObjectRef<TenantStorage> =
            ObjectRef::new(&reference.name).within(&self.owner.namespace);
        if let Some(storage) = self.context.storages.get(&object) {
            let id = Identity::of(&storage.metadata).map_err(|_| Error::Incomplete)?;
            return Ok((Some(StorageDocument::of(id, &storage)?), None));
        }
        let gone = Some(reference.name.clone());
        let config_map: Option<ConfigMap> = self.read().await?;
        let ours = config_map.filter(|found| self.owner.foreign(found.meta()).is_none());
        let text = ours.and_then(|ours| ours.data?.remove(document::STORAGE));
        Ok(match text.map(|text| StorageDocument::read(&text)) {
            Some(Ok(document)) => (Some(document), gone),
            Some(Err(error)) => {
                tracing::warn!(namespace = self.owner.namespace, session = self.owner.name, %error, "document of a storage that is gone");
                (None, gone)
            }
            None => (None, gone),
        })
    }

    /// The session's volume, if there is one of ours. It was asked for before unless somebody changed it.
    async fn volume(&self, memory: &Memory) -> Result<Option<FoundVolume>, Error> {
        let key = Key {
            kind: <PersistentVolumeClaim as Child>::KIND,
            namespace: self.owner.namespace.clone(),
            name: self.owner.child_name(),
        };
        let Some(entry) = self.context.ledger.get(&key) else {
            return Ok(None);
        };
        if entry.is_verified()
            && let Some(known) = memory.volume(&self.owner.uid, &entry.uid)
        {
            return Ok(Some(known));
        }
        let claim: Option<PersistentVolumeClaim> = self.read().await?;
        Ok(claim.and_then(|claim| remember(memory, self.owner, &claim)))
    }

    /// The child of a kind, whole.
    async fn read<K>(&self) -> Result<Option<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.context.client.clone(), &self.owner.namespace);
        api.get_opt(&self.owner.child_name())
            .await
            .map_err(|source| Error::Read {
                kind: K::kind(&()).into_owned(),
                source: Box::new(source),
            })
    }
}

/// Takes down what a session's volume is, from a read or in answer to a write.
pub(super) fn remember(
    memory: &Memory,
    owner: &Owner,
    claim: &PersistentVolumeClaim,
) -> Option<FoundVolume> {
    let spec = claim.spec.as_ref()?;
    let size = spec.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    let size: titan_crds::Quantity = size.0.parse().ok()?;
    let volume = FoundVolume {
        size: size.bytes(),
        class: spec.storage_class_name.clone(),
    };
    memory.keep_volume(&owner.uid, claim.uid()?, volume.clone());
    Some(volume)
}

/// The Secrets that the session's sidecars report as missing.
pub(super) fn missing_secrets(seen: &Seen, owner: &Owner) -> Vec<String> {
    seen.sidecars()
        .filter_map(|sidecar| report_of(sidecar, owner))
        .flat_map(|report| &report.missing)
        .filter_map(|problem| problem.secret.clone())
        .collect()
}
