//! The bounds that a schema sets: types, required members, lengths, numbers, patterns, formats.
//!
//! It knows the keywords that our own schemas use; a test fails when a schema comes to use another.

use serde_json::{Map, Value};

use super::{path::Path, validate::FieldError};
use crate::{Duration, duration};

/// Adds what is wrong with `value` and all below it.
pub(super) fn check(schema: &Value, value: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(wanted) = wrong_type(schema, value) {
        errors.push(FieldError::new(path, format!("must be {wanted}")));
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
        errors.push(FieldError::new(
            path,
            format!("must be one of {}", allowed.join(", ")),
        ));
    }
    match value {
        Value::Object(members) => object(schema, members, path, errors),
        Value::Array(items) => list(schema, items, path, errors),
        Value::String(text) => {
            errors.extend(string(schema, text).map(|message| FieldError::new(path, message)));
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            errors.extend(range(schema, number).map(|message| FieldError::new(path, message)));
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// The name of the type that was wanted, if `value` is of another.
fn wrong_type(schema: &Value, value: &Value) -> Option<&'static str> {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("a whole number or a string");
    }
    let (fits, name) = match schema.get("type").and_then(Value::as_str)? {
        "object" => (value.is_object(), "an object"),
        "array" => (value.is_array(), "a list"),
        "string" => (value.is_string(), "a string"),
        "boolean" => (value.is_boolean(), "true or false"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        _ => (value.is_number(), "a number"),
    };
    (!fits).then_some(name)
}

fn object(schema: &Value, members: &Map<String, Value>, path: &Path, errors: &mut Vec<FieldError>) {
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(name) = name.as_str().filter(|name| !members.contains_key(*name)) {
            errors.push(FieldError::new(&path.member(name), "is required"));
        }
    }
    for (name, member) in members {
        let inner = schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        if let Some(inner) = inner.or_else(|| schema.get("additionalProperties")) {
            check(inner, member, &path.member(name), errors);
        }
    }
}

fn list(schema: &Value, items: &[Value], path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(max) = number(schema, "maxItems").filter(|max| items.len() > *max) {
        errors.push(FieldError::new(
            path,
            format!("must have at most {max} items"),
        ));
    }
    if let Some(min) = number(schema, "minItems").filter(|min| items.len() < *min) {
        errors.push(FieldError::new(
            path,
            format!("must have at least {min} items"),
        ));
    }
    let keys = list_keys(schema);
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if let Some(keys) = &keys
            && items
                .iter()
                .take(index)
                .any(|other| same(keys, other, item))
        {
            errors.push(FieldError::new(&path, "stands here twice"));
        }
        if let Some(inner) = schema.get("items") {
            check(inner, item, &path, errors);
        }
    }
}

/// The members that tell the items of a list apart; none of them: the whole item does.
fn list_keys(schema: &Value) -> Option<Vec<&str>> {
    match schema
        .get("x-kubernetes-list-type")
        .and_then(Value::as_str)?
    {
        "set" => Some(Vec::new()),
        "map" => {
            let keys = schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array);
            Some(
                keys.into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect(),
            )
        }
        _ => None,
    }
}

fn same(keys: &[&str], one: &Value, other: &Value) -> bool {
    match keys {
        [] => one == other,
        keys => keys.iter().all(|key| one.get(key) == other.get(key)),
    }
}

fn string(schema: &Value, text: &str) -> Option<String> {
    let length = text.chars().count();
    if let Some(max) = number(schema, "maxLength").filter(|max| length > *max) {
        return Some(format!("must be at most {max} characters long"));
    }
    if let Some(min) = number(schema, "minLength").filter(|min| length < *min) {
        return Some(format!("must be at least {min} characters long"));
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("duration") => {
            return text
                .parse::<Duration>()
                .err()
                .map(|_| duration::EXPECTED.to_owned());
        }
        Some("date-time") if text.parse::<jiff::Timestamp>().is_err() => {
            return Some("must be a time such as 2026-01-02T03:04:05Z".to_owned());
        }
        _ => {}
    }
    let pattern = schema.get("pattern").and_then(Value::as_str)?;
    // A test holds that every pattern of ours can be read.
    let fits = regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    (!fits).then(|| format!("must match {pattern}"))
}

fn range(schema: &Value, value: f64) -> Option<String> {
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    if let Some(min) = bound("minimum").filter(|min| value < *min) {
        return Some(format!("must be at least {min}"));
    }
    let max = bound("maximum").filter(|max| value > *max)?;
    Some(format!("must be at most {max}"))
}

fn number(schema: &Value, key: &str) -> Option<usize> {
    schema
        .get(key)
        .and_then(Value::as_u64)
        .and_then(|number| usize::try_from(number).ok())
}
