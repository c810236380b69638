//! Takes children away: ours only, and the very ones that are meant.

use kube::{
    Api,
    api::{DeleteParams, Preconditions, PropagationPolicy},
};

use super::{Applier, ApplyError, Child, api_error};

impl Applier<'_> {
    /// Deletes a child that is no longer wanted, if it is ours; `true` if there was one.
    pub async fn delete<K: Child>(&self, name: &str) -> Result<bool, ApplyError> {
        let key = self.key::<K>(name);
        let Some(entry) = self.ledger.get(&key) else {
            return Ok(false);
        };
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        let Some(found) = api
            .get_metadata_opt(name)
            .await
            .map_err(|source| api_error("read", &key, source))?
        else {
            self.ledger.forget(&key);
            return Ok(false);
        };
        if self.owner.foreign(&found.metadata).is_some() {
            return Ok(false);
        }
        self.delete_that::<K>(name, &entry.uid).await?;
        self.ledger.forget(&key);
        Ok(true)
    }

    /// Deletes an object of ours, that very one, with all that it made.
    pub async fn delete_that<K: Child>(&self, name: &str, uid: &str) -> Result<(), ApplyError> {
        let key = self.key::<K>(name);
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match api.delete(name, &parameters).await {
            Ok(_) => Ok(()),
            // It is gone, or another one has its name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(source) => Err(api_error("delete", &key, source)),
        }
    }
}
