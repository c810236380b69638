//! The rules that a schema carries (`x-kubernetes-validations`), run as the API server runs them.

use kube::core::cel::Validator;
use serde_json::Value;

use super::{Kind, schema, validate::FieldError};
use crate::Duration;

/// The rules that `document` breaks; with `old`, also those about change.
pub(super) fn check(kind: Kind, document: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let schema = schema(kind);
    let document = with_plain_durations(schema, document);
    let old = old.map(|old| with_plain_durations(schema, old));
    let Err(errors) = Validator::new().validate(schema, &document, old.as_ref()) else {
        return Vec::new();
    };
    let errors = errors.into_vec().into_iter();
    errors
        .map(|error| FieldError {
            path: error.field_path.trim_start_matches('.').to_owned(),
            message: error.message,
        })
        .collect()
}

/// Writes every duration in nanoseconds: the evaluator reads only Go's grammar, where the API server also
/// knows days and weeks.
fn with_plain_durations(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let inner = |name: &str| {
                let property = schema.get("properties").and_then(|all| all.get(name));
                property
                    .or_else(|| schema.get("additionalProperties"))
                    .unwrap_or(&Value::Null)
            };
            let plain = |(name, member): (&String, &Value)| {
                (name.clone(), with_plain_durations(inner(name), member))
            };
            members.iter().map(plain).collect()
        }
        Value::Array(items) => {
            let inner = schema.get("items").unwrap_or(&Value::Null);
            items
                .iter()
                .map(|item| with_plain_durations(inner, item))
                .collect()
        }
        Value::String(text) if schema.get("format").is_some_and(|name| name == "duration") => {
            match text.parse::<Duration>() {
                Ok(duration) => format!("{}ns", duration.get().as_nanos()).into(),
                Err(_) => value.clone(),
            }
        }
        other => other.clone(),
    }
}
