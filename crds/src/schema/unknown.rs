//! Finds the fields of a document that no schema knows.

use serde_json::Value;

use super::{Kind, path::Path, schema};

/// The places of the fields that the schema of `kind` does not know, such as `spec.webhooks[0].ur`.
///
/// The API server drops such fields (or refuses them, with `--validate=strict`); a typing error then goes
/// unnoticed. `apiVersion`, `kind` and all of `metadata` are Kubernetes' own and always known.
#[must_use]
pub fn unknown_fields(kind: Kind, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let root = Path::default();
    for (name, value) in document.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        match schema(kind)
            .get("properties")
            .and_then(|properties| properties.get(name))
        {
            Some(inner) => walk(inner, value, &root.member(name), &mut found),
            None => found.push(root.member(name).into()),
        }
    }
    found
}

fn walk(schema: &Value, value: &Value, path: &Path, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = path.member(name);
                match known(schema, name) {
                    Known::Schema(inner) => walk(inner, member, &path, found),
                    Known::Anything => {}
                    Known::Not => found.push(path.into()),
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    walk(inner, item, &path.item(index), found);
                }
            }
        }
        _ => {}
    }
}

enum Known<'a> {
    Schema(&'a Value),
    Anything,
    Not,
}

/// What the schema of an object says about a member.
fn known<'a>(schema: &'a Value, name: &str) -> Known<'a> {
    if let Some(inner) = schema
        .get("properties")
        .and_then(|properties| properties.get(name))
    {
        return Known::Schema(inner);
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(true)) => return Known::Anything,
        Some(inner @ Value::Object(_)) => return Known::Schema(inner),
        _ => {}
    }
    let preserved = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    // A scalar where an object stands is a wrong type, which is another check's business.
    let scalar = schema.get("type").is_some_and(|name| name != "object");
    if preserved || scalar {
        Known::Anything
    } else {
        Known::Not
    }
}
