//! Whose an object is that has a name we need, and how it becomes ours.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

use super::fields::{entries, merge};
use crate::names::{MANAGED_BY, OPERATOR, Owner};

impl Owner {
    /// Why an object is not ours; `None` if it is.
    ///
    /// Ours is what this owner controls, and what nobody else controls and bears both of our labels: also after a
    /// restore from a backup, where the uid of the owner is another one.
    #[must_use]
    pub fn foreign(&self, metadata: &ObjectMeta) -> Option<String> {
        let controller = metadata
            .owner_references
            .iter()
            .flatten()
            .find(|owner| owner.controller == Some(true));
        match controller {
            Some(owner) if owner.uid == self.uid => return None,
            Some(owner) if owner.kind != self.kind || owner.name != self.name => {
                return Some(format!("{} \"{}\" controls it", owner.kind, owner.name));
            }
            _ => {}
        }
        let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
        [(MANAGED_BY, OPERATOR), (self.label, self.name.as_str())]
            .into_iter()
            .find(|(key, value)| label(key).is_none_or(|found| found != value))
            .map(|(key, value)| format!("it lacks the label {key}={value}"))
    }
}

/// What must be changed before the first apply, as a merge patch; `None`: nothing.
///
/// The POST that made a child left an entry of operation `Update`: it would hold on to fields that a later apply
/// leaves out (what client-go calls the upgrade to server-side apply). And a controller reference of an owner's
/// earlier incarnation must go before ours can come.
pub(super) fn take_over(metadata: &ObjectMeta, manager: &str, owner: &Owner) -> Option<Value> {
    let mut patch = Map::new();
    if entries(metadata, manager).any(|entry| entry.operation.as_deref() == Some("Update")) {
        patch.insert("managedFields".to_owned(), upgraded(metadata, manager));
    }
    let references = metadata.owner_references.as_deref().unwrap_or_default();
    let stale = |uid: &str, controller: Option<bool>| controller == Some(true) && uid != owner.uid;
    if references
        .iter()
        .any(|other| stale(&other.uid, other.controller))
    {
        let kept: Vec<_> = references
            .iter()
            .filter(|other| !stale(&other.uid, other.controller))
            .collect();
        patch.insert("ownerReferences".to_owned(), json!(kept));
    }
    if patch.is_empty() {
        return None;
    }
    // Whoever changed the object since it was read makes this a conflict, and the next try reads again.
    patch.insert(
        "resourceVersion".to_owned(),
        json!(metadata.resource_version),
    );
    Some(json!({ "metadata": patch }))
}

/// `managedFields` with our entries made one of operation `Apply`.
fn upgraded(metadata: &ObjectMeta, manager: &str) -> Value {
    let ours = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(manager)
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let mut fields = Map::new();
    let mut upgraded: Option<ManagedFieldsEntry> = None;
    for entry in entries(metadata, manager) {
        if let Some(Value::Object(more)) = entry.fields_v1.as_ref().map(|fields| &fields.0) {
            merge(&mut fields, more);
        }
        upgraded.get_or_insert_with(|| entry.clone());
    }
    let mut all: Vec<_> = metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(|entry| !ours(entry))
        .cloned()
        .collect();
    if let Some(mut entry) = upgraded {
        entry.operation = Some("Apply".to_owned());
        entry.fields_v1 = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1(
            Value::Object(fields),
        ));
        all.push(entry);
    }
    json!(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, OwnerReference};
    use titan_crds::{MediaSession, MediaSessionSpec};

    use super::*;

    fn owner(uid: &str) -> Owner {
        let mut session = MediaSession::new("a", MediaSessionSpec::default());
        session.metadata.namespace = Some("acme".to_owned());
        session.metadata.uid = Some(uid.to_owned());
        Owner::session(&session).unwrap()
    }

    fn labelled() -> ObjectMeta {
        ObjectMeta {
            labels: Some(owner("1").labels()),
            ..ObjectMeta::default()
        }
    }

    fn controlled(kind: &str, name: &str, uid: &str) -> ObjectMeta {
        ObjectMeta {
            owner_references: Some(vec![OwnerReference {
                kind: kind.to_owned(),
                name: name.to_owned(),
                uid: uid.to_owned(),
                controller: Some(true),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn labels_without_another_controller_are_ours() {
        assert_eq!(owner("1").foreign(&labelled()), None);
        let mut restored = controlled("MediaSession", "a", "0");
        restored.labels = labelled().labels;
        assert_eq!(owner("1").foreign(&restored), None);
        assert_eq!(
            owner("1").foreign(&controlled("MediaSession", "a", "1")),
            None
        );
    }

    #[test]
    fn anything_else_is_foreign() {
        let bare = ObjectMeta::default();
        assert!(owner("1").foreign(&bare).unwrap().contains("managed-by"));
        let mut other = labelled();
        other
            .labels
            .get_or_insert_with(BTreeMap::new)
            .insert(owner("1").label.to_owned(), "b".to_owned());
        assert!(
            owner("1")
                .foreign(&other)
                .unwrap()
                .contains("titan.media/session=a")
        );
        let mut taken = controlled("Deployment", "x", "7");
        taken.labels = labelled().labels;
        assert_eq!(
            owner("1").foreign(&taken).unwrap(),
            "Deployment \"x\" controls it"
        );
    }

    #[test]
    fn the_entry_of_the_post_and_the_owner_before_are_replaced_once() {
        let mut metadata = controlled("MediaSession", "a", "0");
        metadata.resource_version = Some("5".to_owned());
        let entry = |operation: &str, fields: Value| ManagedFieldsEntry {
            manager: Some("us".to_owned()),
            operation: Some(operation.to_owned()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        };
        metadata.managed_fields = Some(vec![
            entry("Update", json!({"f:spec": {"f:a": {}}})),
            entry("Apply", json!({"f:spec": {"f:b": {}}})),
        ]);
        let patch = take_over(&metadata, "us", &owner("1")).unwrap();
        let fields = &patch["metadata"]["managedFields"];
        assert_eq!(fields.as_array().unwrap().len(), 1);
        assert_eq!(fields[0]["operation"], "Apply");
        assert_eq!(
            fields[0]["fieldsV1"],
            json!({"f:spec": {"f:a": {}, "f:b": {}}})
        );
        assert_eq!(patch["metadata"]["ownerReferences"], json!([]));
        assert_eq!(patch["metadata"]["resourceVersion"], "5");
        metadata.managed_fields = None;
        metadata.owner_references = Some(vec![owner("1").reference()]);
        assert_eq!(take_over(&metadata, "us", &owner("1")), None);
    }
}
