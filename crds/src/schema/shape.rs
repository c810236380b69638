//! Brings a derived schema into the form that Kubernetes likes.

use schemars::Schema;
use serde_json::{Map, Value};

/// Brings a derived schema into the form that Kubernetes likes, at every depth:
/// - an optional field may be left out, but is not `nullable`: the API server then drops a `null`, and no
///   rule has to tell null from absent;
/// - the format of an unsigned number is none that Kubernetes knows;
/// - the lines of a paragraph of a description are joined, and backticks removed: `kubectl explain` breaks
///   lines itself and prints the rest as it is.
pub(crate) fn shape(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        shape_object(object);
    }
}

fn shape_object(object: &mut Map<String, Value>) {
    drop_null(object);
    rename_format(object);
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = join_lines(description);
    }
    if object.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        // Said outright, because kube makes every optional one nullable that says nothing.
        object.insert("nullable".to_owned(), false.into());
    }
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties
                    .values_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(shape_object);
            }
            ("items" | "additionalProperties", Value::Object(inner)) => shape_object(inner),
            ("oneOf" | "anyOf" | "allOf", Value::Array(schemas)) => {
                schemas
                    .iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(shape_object);
            }
            _ => {}
        }
    }
}

/// Turns "T or null" into T.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let is_null = |schema: &Value| schema.get("type").is_some_and(|name| name == "null");
    let inner = match object
        .get("anyOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([inner, null]) if is_null(null) => inner.as_object().cloned(),
        _ => None,
    };
    if let Some(inner) = inner {
        object.remove("anyOf");
        for (key, value) in inner {
            // A description on the field is closer to the user than the one of its type.
            object.entry(key).or_insert(value);
        }
    }
}

/// Joins the lines of each paragraph; an indented line or a list item stays on its own.
fn join_lines(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for line in text.replace('`', "").lines() {
        let fresh = joined.is_empty() || joined.ends_with('\n');
        if line.is_empty() || line.starts_with([' ', '\t', '-']) {
            joined.push('\n');
        } else if !fresh {
            joined.push(' ');
        }
        joined.push_str(line);
        if line.is_empty() {
            joined.push('\n');
        }
    }
    joined
}

fn rename_format(object: &mut Map<String, Value>) {
    let known = match object.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "uint32") => "int32",
        Some("uint64") => "int64",
        _ => return,
    };
    object.insert("format".to_owned(), known.into());
}
