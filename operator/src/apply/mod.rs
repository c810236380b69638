//! The only writer of children: POST first, server-side apply later, and nothing where nothing changed.

mod delete;
mod error;
mod fields;
mod ledger;
mod ownership;

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams, PostParams},
    core::PartialObjectMeta,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use error::ApplyError;
use fields::Fingerprint;
pub use ledger::{Entry, Key, Ledger};

use crate::names::{APPLIED_HASH, Owner};

/// A kind that children are of.
pub trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
    /// Its kind, as a word that lives for ever.
    const KIND: &'static str;
}

impl<K> Child for K
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + k8s_openapi::Resource
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static,
{
    const KIND: &'static str = <K as k8s_openapi::Resource>::KIND;
}

/// What became of a child.
#[derive(Clone, Debug)]
pub enum Applied<K> {
    /// It is as it should be; nothing was sent, or nothing but a question.
    Unchanged {
        /// Uid of the child.
        uid: String,
    },
    /// It was written; the answer of the API server.
    Written(Box<K>),
}

/// Writes the children of one object.
pub struct Applier<'a> {
    /// The API.
    pub client: &'a Client,
    /// What is known of the children.
    pub ledger: &'a Ledger,
    /// The field manager.
    pub manager: &'static str,
    /// Whose children they are.
    pub owner: &'a Owner,
}

impl Debug for Applier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applier")
            .field("manager", &self.manager)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// A child on its way.
struct Desired {
    key: Key,
    /// What is sent, with the hash as an annotation.
    value: Value,
    hash: String,
    fingerprint: Fingerprint,
}

impl Applier<'_> {
    /// Brings a child to the desired state.
    ///
    /// The desired state names no field that it does not mean: no empty maps or lists, `protocol` of every port.
    pub async fn apply<K: Child>(&self, desired: &K) -> Result<Applied<K>, ApplyError> {
        let desired = self.prepare(desired)?;
        match self.ledger.get(&desired.key) {
            Some(entry) if entry.is(&desired.fingerprint) => Ok(Applied::Unchanged {
                uid: entry.uid.into(),
            }),
            Some(entry) if entry.is_verified() => self.patch(&desired, &entry.uid).await,
            Some(_) => match self.read::<K>(&desired).await? {
                Some(found) => self.adopt(&desired, found).await,
                None => self.create(&desired).await,
            },
            None => self.create(&desired).await,
        }
    }

    /// Makes an object that is never changed afterwards; `None` if it is there already.
    pub async fn create_once<K: Child>(&self, object: &K) -> Result<Option<K>, ApplyError> {
        let key = self.key::<K>(object.meta().name.as_deref().unwrap_or_default());
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        match api.create(&self.post_parameters(), object).await {
            Ok(created) => return Ok(Some(created)),
            Err(kube::Error::Api(status)) if is_already_exists(&status) => {}
            Err(source) => return Err(api_error("create", &key, source)),
        }
        let found = api
            .get_metadata_opt(&key.name)
            .await
            .map_err(|source| api_error("read", &key, source))?;
        match found.and_then(|found| self.owner.foreign(&found.metadata)) {
            Some(why) => Err(ApplyError::NameConflict {
                kind: key.kind,
                name: key.name,
                why,
            }),
            None => Ok(None),
        }
    }

    fn post_parameters(&self) -> PostParams {
        PostParams {
            field_manager: Some(self.manager.to_owned()),
            ..PostParams::default()
        }
    }

    fn key<K: Child>(&self, name: &str) -> Key {
        Key {
            kind: K::KIND,
            namespace: self.owner.namespace.clone(),
            name: name.to_owned(),
        }
    }

    fn prepare<K: Child>(&self, desired: &K) -> Result<Desired, ApplyError> {
        let key = self.key::<K>(desired.meta().name.as_deref().unwrap_or_default());
        let mut value = serde_json::to_value(desired).map_err(|source| ApplyError::Json {
            kind: key.kind,
            name: key.name.clone(),
            source,
        })?;
        let fingerprint = fields::fingerprint(&value);
        let hash = hex::encode(fingerprint);
        set(
            &mut value,
            &["metadata", "annotations", APPLIED_HASH],
            json!(hash),
        );
        Ok(Desired {
            key,
            value,
            hash,
            fingerprint,
        })
    }

    async fn create<K: Child>(&self, desired: &Desired) -> Result<Applied<K>, ApplyError> {
        let api: Api<K> = self.api(desired);
        let object: K =
            serde_json::from_value(desired.value.clone()).map_err(|source| ApplyError::Json {
                kind: desired.key.kind,
                name: desired.key.name.clone(),
                source,
            })?;
        match api.create(&self.post_parameters(), &object).await {
            Ok(created) => Ok(self.written(desired, created)),
            Err(kube::Error::Api(status)) if is_already_exists(&status) => {
                match self.read::<K>(desired).await? {
                    Some(found) => self.adopt(desired, found).await,
                    // It went between the two requests; the next try makes it.
                    None => Err(ApplyError::Terminating {
                        kind: desired.key.kind,
                        name: desired.key.name.clone(),
                    }),
                }
            }
            Err(source) => Err(api_error("create", &desired.key, source)),
        }
    }

    async fn read<K: Child>(
        &self,
        desired: &Desired,
    ) -> Result<Option<PartialObjectMeta<K>>, ApplyError> {
        self.api::<K>(desired)
            .get_metadata_opt(&desired.key.name)
            .await
            .map_err(|source| api_error("read", &desired.key, source))
    }

    /// Takes up a child that is there: ours, as far as its labels and owner say.
    async fn adopt<K: Child>(
        &self,
        desired: &Desired,
        found: PartialObjectMeta<K>,
    ) -> Result<Applied<K>, ApplyError> {
        let metadata = &found.metadata;
        let key = &desired.key;
        if let Some(why) = self.owner.foreign(metadata) {
            return Err(ApplyError::NameConflict {
                kind: key.kind,
                name: key.name.clone(),
                why,
            });
        }
        let uid = metadata.uid.clone().unwrap_or_default();
        if metadata.deletion_timestamp.is_some() {
            return Err(ApplyError::Terminating {
                kind: key.kind,
                name: key.name.clone(),
            });
        }
        let applied = metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(APPLIED_HASH));
        if applied == Some(&desired.hash)
            && fields::owns_all(metadata, self.manager, &desired.value)
        {
            self.ledger
                .verify(key.clone(), metadata, self.manager, desired.fingerprint);
            return Ok(Applied::Unchanged { uid });
        }
        self.take_over::<K>(desired, metadata).await?;
        self.apply_fields(desired, &uid).await
    }

    /// A changed desired state of a child that is known to be ours. The entry that the POST left in
    /// `managedFields` goes first, or what the new state leaves out would stay.
    async fn patch<K: Child>(
        &self,
        desired: &Desired,
        uid: &str,
    ) -> Result<Applied<K>, ApplyError> {
        match self.read::<K>(desired).await? {
            Some(found) if found.metadata.uid.as_deref() == Some(uid) => {
                self.take_over::<K>(desired, &found.metadata).await?;
                self.apply_fields(desired, uid).await
            }
            Some(found) => self.adopt(desired, found).await,
            None => self.create(desired).await,
        }
    }

    async fn take_over<K: Child>(
        &self,
        desired: &Desired,
        metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    ) -> Result<(), ApplyError> {
        let Some(patch) = ownership::take_over(metadata, self.manager, self.owner) else {
            return Ok(());
        };
        let parameters = PatchParams {
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        };
        self.api::<K>(desired)
            .patch_metadata(&desired.key.name, &parameters, &Patch::Merge(&patch))
            .await
            .map_err(|source| api_error("take over", &desired.key, source))?;
        Ok(())
    }

    async fn apply_fields<K: Child>(
        &self,
        desired: &Desired,
        uid: &str,
    ) -> Result<Applied<K>, ApplyError> {
        let mut value = desired.value.clone();
        set(&mut value, &["metadata", "uid"], json!(uid));
        let applied = match self.send::<K>(desired, &value).await {
            // Lists with a key are merged entry by entry: what a hand put beside ours may make the whole invalid, such
            // as a second port without a name. Then ours replaces it.
            Err(kube::Error::Api(status)) if status.code == 422 => {
                self.replace_lists::<K>(desired, &value).await?;
                self.send::<K>(desired, &value).await
            }
            answer => answer,
        };
        let applied = applied.map_err(|source| {
            // What we knew may be wrong; the next try asks.
            self.ledger.forget(&desired.key);
            api_error("apply", &desired.key, source)
        })?;
        Ok(self.written(desired, applied))
    }

    async fn send<K: Child>(&self, desired: &Desired, value: &Value) -> kube::Result<K> {
        let parameters = PatchParams::apply(self.manager).force();
        self.api::<K>(desired)
            .patch(&desired.key.name, &parameters, &Patch::Apply(value))
            .await
    }

    /// A merge patch takes a list as a whole. The entry that it leaves in `managedFields` is taken over as that of a
    /// POST is, before the next apply.
    async fn replace_lists<K: Child>(
        &self,
        desired: &Desired,
        value: &Value,
    ) -> Result<(), ApplyError> {
        let parameters = PatchParams {
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        };
        self.api::<K>(desired)
            .patch(&desired.key.name, &parameters, &Patch::Merge(value))
            .await
            .map(drop)
            .map_err(|source| api_error("replace", &desired.key, source))
    }

    fn written<K: Child>(&self, desired: &Desired, object: K) -> Applied<K> {
        tracing::info!(
            kind = desired.key.kind,
            namespace = desired.key.namespace,
            name = desired.key.name,
            "applied"
        );
        self.ledger.verify(
            desired.key.clone(),
            object.meta(),
            self.manager,
            desired.fingerprint,
        );
        Applied::Written(Box::new(object))
    }

    fn api<K: Child>(&self, desired: &Desired) -> Api<K> {
        Api::namespaced(self.client.clone(), &desired.key.namespace)
    }
}

/// Sets a member of nested objects. What is no object on the way there stays as it is: no object of ours is like that.
fn set(value: &mut Value, path: &[&str], member: Value) {
    let Some((name, rest)) = path.split_first() else {
        *value = member;
        return;
    };
    if value.is_null() {
        *value = json!({});
    }
    if let Some(members) = value.as_object_mut() {
        set(members.entry(*name).or_insert(Value::Null), rest, member);
    }
}

fn is_already_exists(status: &kube::core::Status) -> bool {
    status.code == 409 && status.reason == "AlreadyExists"
}

fn api_error(act: &'static str, key: &Key, source: kube::Error) -> ApplyError {
    ApplyError::Api {
        act,
        kind: key.kind,
        name: key.name.clone(),
        source: Box::new(source),
    }
}
