//! Which fields of an object are still ours, by what the API server keeps of server-side apply.
//!
//! Whoever changes or removes a field that we applied takes it out of our entry in `managedFields`. So a child is as
//! it should be if every field that we would apply is in our entry, and the hash of what was applied last is that
//! of what we would apply now. Neither needs the object itself, nor survives a hand's edit.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Lists of our children that the API server merges by a key of their items. An entry that names such a list and none of
/// its items holds the empty list; of any other list it holds all.
const KEYED: [&str; 8] = [
    "containers",
    "env",
    "imagePullSecrets",
    "initContainers",
    "ownerReferences",
    "ports",
    "volumeMounts",
    "volumes",
];

/// What of `metadata` is tracked by the API server.
const TRACKED_METADATA: [&str; 4] = ["labels", "annotations", "ownerReferences", "finalizers"];

/// What stands for a state: enough of a SHA-256 that no two of one child are ever the same.
pub(super) type Fingerprint = [u8; 12];

/// Fingerprint of an object that is to be applied, the same for every order of its members.
#[must_use]
pub(super) fn fingerprint(desired: &Value) -> Fingerprint {
    let mut sorted = desired.clone();
    sorted.sort_all_objects();
    short(sorted.to_string().as_bytes())
}

/// Fingerprint of our entries: it changes when anybody takes a field from us. `None` if nothing is ours.
#[must_use]
pub(super) fn ownership(metadata: &ObjectMeta, manager: &str) -> Option<Fingerprint> {
    let mut fields: Vec<_> = entries(metadata, manager)
        .filter_map(|entry| entry.fields_v1.as_ref())
        .map(|fields| {
            let mut sorted = fields.0.clone();
            sorted.sort_all_objects();
            sorted.to_string()
        })
        .collect();
    fields.sort();
    (!fields.is_empty()).then(|| short(fields.concat().as_bytes()))
}

/// Are all fields that we would apply ours?
#[must_use]
pub(super) fn owns_all(metadata: &ObjectMeta, manager: &str, desired: &Value) -> bool {
    let mut owned = Map::new();
    for entry in entries(metadata, manager) {
        if let Some(Value::Object(fields)) = entry.fields_v1.as_ref().map(|fields| &fields.0) {
            merge(&mut owned, fields);
        }
    }
    let Some(members) = desired.as_object() else {
        return false;
    };
    members
        .iter()
        .all(|(name, value)| match (name.as_str(), value) {
            ("apiVersion" | "kind", _) => true,
            ("metadata", Value::Object(metadata)) => metadata
                .iter()
                .filter(|(name, _)| TRACKED_METADATA.contains(&name.as_str()))
                .all(|(name, value)| owns_member(owned.get("f:metadata"), name, value)),
            _ => owns(owned.get(&format!("f:{name}")), name, value),
        })
}

/// The entries of a manager for the object itself, not for its status. The POST that made a child left one of
/// operation `Update`, every apply one of operation `Apply`.
pub(super) fn entries<'a>(
    metadata: &'a ObjectMeta,
    manager: &'a str,
) -> impl Iterator<Item = &'a ManagedFieldsEntry> {
    metadata
        .managed_fields
        .iter()
        .flatten()
        .filter(move |entry| {
            entry.manager.as_deref() == Some(manager)
                && entry.subresource.as_deref().unwrap_or_default().is_empty()
        })
}

/// Adds the fields of one entry to those of another.
pub(super) fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (Some(_), _) => {}
            (None, _) => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

fn owns_member(fields: Option<&Value>, name: &str, value: &Value) -> bool {
    owns(
        fields.and_then(|fields| fields.get(format!("f:{name}"))),
        name,
        value,
    )
}

/// `fields` is the set below the value's own path. `{}` means all of it, `{".": {}}` the value itself and nothing in it.
fn owns(fields: Option<&Value>, name: &str, value: &Value) -> bool {
    let Some(fields) = fields.and_then(Value::as_object) else {
        return value.is_null();
    };
    let below = !fields.is_empty();
    match value {
        Value::Object(members) if below => members.iter().all(|(name, value)| {
            value.is_null() || owns(fields.get(&format!("f:{name}")), name, value)
        }),
        Value::Array(items) if below || KEYED.contains(&name) => {
            items.iter().all(|item| owns_item(fields, item))
        }
        _ => true,
    }
}

/// Lists are sets (`v:"value"`) or maps by some of the items' members (`k:{"name":"data"}`).
fn owns_item(fields: &Map<String, Value>, item: &Value) -> bool {
    if !item.is_object() {
        return fields.contains_key(&format!("v:{item}"));
    }
    fields.iter().any(|(key, fields)| {
        let keys = key
            .strip_prefix("k:")
            .and_then(|keys| serde_json::from_str::<Map<String, Value>>(keys).ok());
        keys.is_some_and(|keys| {
            keys.iter()
                .all(|(name, value)| item.get(name) == Some(value))
                && owns(Some(fields), "", item)
        })
    })
}

fn short(bytes: &[u8]) -> Fingerprint {
    let mut short = Fingerprint::default();
    for (short, byte) in short.iter_mut().zip(Sha256::digest(bytes)) {
        *short = byte;
    }
    short
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use serde_json::json;

    use super::*;

    fn metadata(fields: &[(&str, &str, Value)]) -> ObjectMeta {
        let entry = |(manager, operation, fields): &(&str, &str, Value)| ManagedFieldsEntry {
            manager: Some((*manager).to_owned()),
            operation: Some((*operation).to_owned()),
            fields_v1: Some(FieldsV1(fields.clone())),
            ..Default::default()
        };
        ObjectMeta {
            managed_fields: Some(fields.iter().map(entry).collect()),
            ..Default::default()
        }
    }

    fn service() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "msess-a", "labels": {"a": "b"}, "ownerReferences": [{"uid": "u", "kind": "MediaSession"}]},
            "spec": {"selector": {"a": "b"}, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]},
        })
    }

    fn all() -> Value {
        json!({
            "f:metadata": {
                "f:labels": {".": {}, "f:a": {}},
                "f:ownerReferences": {".": {}, "k:{\"uid\":\"u\"}": {}},
            },
            "f:spec": {
                "f:selector": {},
                "f:ports": {".": {}, "k:{\"port\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}},
            },
        })
    }

    #[test]
    fn what_we_applied_is_ours() {
        assert!(owns_all(
            &metadata(&[("us", "Apply", all())]),
            "us",
            &service()
        ));
        assert!(!owns_all(
            &metadata(&[("them", "Apply", all())]),
            "us",
            &service()
        ));
        assert!(!owns_all(&ObjectMeta::default(), "us", &service()));
    }

    #[test]
    fn what_a_hand_changed_is_no_longer_ours() {
        for path in ["/f:spec/f:selector", "/f:metadata/f:labels/f:a"] {
            let mut fields = all();
            let (parent, name) = path.rsplit_once('/').unwrap();
            fields
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(name);
            assert!(
                !owns_all(&metadata(&[("us", "Apply", fields)]), "us", &service()),
                "{path}"
            );
        }
        // Somebody replaced the list: our entry names it still, but no item of it.
        let other = json!({".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}}});
        for ports in [other, json!({})] {
            let mut fields = all();
            fields["f:spec"]["f:ports"] = ports;
            let metadata = metadata(&[("us", "Apply", fields)]);
            assert!(!owns_all(&metadata, "us", &service()));
        }
    }

    #[test]
    fn the_entry_of_the_post_counts_and_that_of_the_status_does_not() {
        let mut metadata =
            metadata(&[("us", "Update", all()), ("us", "Apply", json!({"f:x": {}}))]);
        assert!(owns_all(&metadata, "us", &service()));
        let before = ownership(&metadata, "us");
        metadata.managed_fields.as_mut().unwrap()[1].subresource = Some("status".to_owned());
        assert_ne!(ownership(&metadata, "us"), before);
        assert_eq!(ownership(&metadata, "them"), None);
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_the_order_of_members() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":[{"c":1,"d":2}]}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":[{"d":2,"c":1}],"a":1}"#).unwrap();
        assert_eq!(fingerprint(&one), fingerprint(&two));
        assert_ne!(fingerprint(&one), fingerprint(&json!({"a": 1})));
    }
}
