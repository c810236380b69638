//! Whether `kubectl apply` would take a document.

use std::fmt;

use serde_json::Value;

use super::{Kind, bounds, path::Path, rules, schema};

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FieldError {
    /// The place in the document, such as `spec.url.expiresIn`; empty where a rule is about all of it.
    pub path: String,
    /// A sentence without full stop.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl FieldError {
    pub(super) fn new(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_string(),
            message: message.into(),
        }
    }
}

/// Checks a new document against the bounds of its schema and, if they hold, against its rules, as the API
/// server does at `kubectl apply`. Unknown fields are not looked for, see [`super::unknown_fields`].
///
/// # Errors
/// Each field that is wrong, with a sentence that says what would be right.
pub fn validate(kind: Kind, document: &Value) -> Result<(), Vec<FieldError>> {
    check(kind, document, None)
}

/// Checks a document that replaces an older one: as [`validate`], and the rules about change too.
///
/// # Errors
/// Each field that is wrong, with a sentence that says what would be right.
pub fn validate_update(kind: Kind, document: &Value, old: &Value) -> Result<(), Vec<FieldError>> {
    check(kind, document, Some(old))
}

fn check(kind: Kind, document: &Value, old: Option<&Value>) -> Result<(), Vec<FieldError>> {
    let document = without_nulls(document);
    let mut errors = Vec::new();
    bounds::check(schema(kind), &document, &Path::default(), &mut errors);
    if document
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .is_none()
    {
        errors.push(FieldError::new(
            &Path::default().member("metadata").member("name"),
            "is required",
        ));
    }
    if errors.is_empty() {
        errors = rules::check(kind, &document, old.map(without_nulls).as_ref());
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// The API server drops a `null` member of an object wherever it may not be null: everywhere, here.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name.clone(), without_nulls(member)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
