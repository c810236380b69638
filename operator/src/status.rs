//! One patch of a status per reconcile, and none where nothing changed.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Mutex, PoisonError},
};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::object::HasStatus,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// Statuses that were written, until the watch shows them.
///
/// Without it a reconcile that follows its own write at once would see the old status, and write again.
pub struct Written<S> {
    written: Mutex<HashMap<String, (u64, S)>>,
}

impl<S> Default for Written<S> {
    fn default() -> Self {
        Self {
            written: Mutex::default(),
        }
    }
}

impl<S> fmt::Debug for Written<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

/// Why a status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("status")]
pub struct StatusError(#[from] pub kube::Error);

impl<S: Clone + Default + PartialEq + Serialize> Written<S> {
    /// The newest status of the object that is known: what was written last, or what was read.
    pub fn latest<K>(&self, object: &K) -> S
    where
        K: Resource + HasStatus<Status = S>,
    {
        self.known(object).unwrap_or_default()
    }

    fn known<K>(&self, object: &K) -> Option<S>
    where
        K: Resource + HasStatus<Status = S>,
    {
        let uid = object.meta().uid.as_deref()?;
        let mut written = self.lock();
        if let Some((version, status)) = written.get(uid) {
            if resource_version(object).is_none_or(|read| read < *version) {
                return Some(status.clone());
            }
            written.remove(uid);
        }
        object.status().cloned()
    }

    /// Writes the status if it is not the newest one known; `true` if it did.
    ///
    /// The patch carries the uid: an object of the same name that came later is not touched.
    pub async fn write<K>(
        &self,
        client: &Client,
        manager: &str,
        object: &K,
        status: &S,
    ) -> Result<bool, StatusError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + HasStatus<Status = S>
            + Clone
            + DeserializeOwned
            + fmt::Debug,
    {
        if self.known(object).as_ref() == Some(status) {
            return Ok(false);
        }
        let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": object.name_any(), "uid": object.meta().uid },
            "status": status,
        });
        let parameters = PatchParams::apply(manager).force();
        let answer = api
            .patch_status(&object.name_any(), &parameters, &Patch::Apply(&patch))
            .await?;
        if let (Some(uid), Some(version)) = (object.uid(), resource_version(&answer)) {
            self.lock().insert(uid, (version, status.clone()));
        }
        Ok(true)
    }

    /// Only objects of these uids are still there.
    pub fn retain(&self, uids: &HashSet<String>) {
        self.lock().retain(|uid, _| uids.contains(uid));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u64, S)>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resource versions are numbers that grow, and may be compared (KEP-5504).
fn resource_version(object: &impl Resource) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use titan_crds::{TenantStorage, TenantStorageStatus};

    use super::*;
    use crate::testing::server;

    fn object(version: u64, sessions: Option<i32>) -> TenantStorage {
        serde_json::from_value(json!({
            "apiVersion": "titan.media/v1alpha1", "kind": "TenantStorage",
            "metadata": {"name": "media", "namespace": "acme", "uid": "1", "resourceVersion": version.to_string()},
            "spec": {"credentials": {"secretRef": {"name": "s3"}}},
            "status": sessions.map(|sessions| json!({"sessions": sessions})),
        }))
        .unwrap()
    }

    fn status(sessions: i32) -> TenantStorageStatus {
        TenantStorageStatus {
            sessions: Some(sessions),
            ..TenantStorageStatus::default()
        }
    }

    #[tokio::test]
    async fn t9_a_status_is_one_patch_and_none_where_nothing_changed() {
        let (client, mut server) = server();
        let written = Written::default();
        let before = object(5, None);
        let next = status(2);
        let script = async {
            let call = server
                .expect(
                    "PATCH /apis/titan.media/v1alpha1/namespaces/acme/tenantstorages/media/status",
                )
                .await;
            assert_eq!(call.body["metadata"]["uid"], "1");
            let answer: Value = serde_json::to_value(object(9, Some(2))).unwrap();
            call.object(&answer);
        };
        let (wrote, ()) = tokio::join!(written.write(&client, "us", &before, &next), script);
        assert!(wrote.unwrap());
        // The watch still shows the old one.
        assert_eq!(written.latest(&before), next);
        assert!(!written.write(&client, "us", &before, &next).await.unwrap());
        // The watch has caught up.
        assert!(
            !written
                .write(&client, "us", &object(9, Some(2)), &next)
                .await
                .unwrap()
        );
        server.assert_idle();
        // Somebody else changed it since.
        assert_eq!(written.latest(&object(10, Some(7))), status(7));
    }
}
