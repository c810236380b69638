//! Brings a derived schema into the form that Kubernetes likes.

use schemars::Schema;
use serde_json::{Map, Value};

/// Brings a derived schema into the form that Kubernetes likes, at every depth:
/// - an optional field may be left out, but is not `nullable`: the API server then drops a `null`, and no
///   rule has to tell null from absent;
/// - the format of an unsigned number is none that Kubernetes knows;
/// - bounds of whole numbers are whole numbers.
pub(crate) fn shape(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        shape_object(object);
    }
}

fn shape_object(object: &mut Map<String, Value>) {
    drop_null(object);
    rename_format(object);
    for key in ["minimum", "maximum"] {
        if let Some(bound) = object.get_mut(key) {
            make_whole(bound);
        }
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

fn rename_format(object: &mut Map<String, Value>) {
    let known = match object.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "uint32") => "int32",
        Some("uint64") => "int64",
        _ => return,
    };
    object.insert("format".to_owned(), known.into());
}

/// `1.0` is `1`: schemars writes every bound as a floating number.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // compared before it is used
fn make_whole(bound: &mut Value) {
    if let Some(number) = bound.as_f64().filter(|_| bound.is_f64()) {
        let whole = number as i64;
        if (whole as f64 - number).abs() < f64::EPSILON {
            *bound = whole.into();
        }
    }
}
