//! Each rule of the schemas: an object that passes, one that is refused, and the sentence it is refused with.
//!
//! The cases stand in `rules.yaml`, so that a test against a real API server can use the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use titan_crds::schema::{Kind, schema, validate, validate_update};

#[derive(Deserialize)]
struct Cases {
    base: BTreeMap<String, Value>,
    rules: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    message: String,
    kind: String,
    old: Option<Value>,
    accepted: Vec<Value>,
    refused: Vec<Value>,
}

fn cases() -> Cases {
    serde_saphyr::from_str(include_str!("rules.yaml")).expect("the cases are YAML")
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn patched(base: &Value, patch: &Value) -> Value {
    let mut document = base.clone();
    merge(&mut document, patch);
    document
}

/// What the checks say of a document.
fn complaints(kind: Kind, document: &Value, old: Option<&Value>) -> Vec<String> {
    let result = match old {
        Some(old) => validate_update(kind, document, old),
        None => validate(kind, document),
    };
    result
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_rule_passes_what_it_should_and_refuses_the_rest_with_its_sentence() {
    let cases = cases();
    for case in &cases.rules {
        let kind = Kind::from_name(&case.kind).unwrap();
        let base = cases.base.get(&case.kind).unwrap();
        let old = case.old.as_ref().map(|patch| patched(base, patch));
        for patch in &case.accepted {
            let said = complaints(kind, &patched(base, patch), old.as_ref());
            assert!(
                said.is_empty(),
                "{}: {patch} is refused: {said:?}",
                case.message
            );
        }
        for patch in &case.refused {
            let said = complaints(kind, &patched(base, patch), old.as_ref());
            assert!(
                said.iter()
                    .any(|sentence| sentence.ends_with(&case.message)),
                "{}: {patch} is refused otherwise: {said:?}",
                case.message
            );
        }
        assert!(
            !case.accepted.is_empty() && !case.refused.is_empty(),
            "{}",
            case.message
        );
    }
}

#[test]
fn every_rule_has_its_case_and_names_its_field() {
    let cases = cases();
    for kind in Kind::ALL {
        let tested: BTreeSet<_> = cases
            .rules
            .iter()
            .filter(|case| case.kind == kind.as_str())
            .map(|case| case.message.clone())
            .collect();
        let mut messages = BTreeSet::new();
        collect(schema(kind), &mut messages);
        assert_eq!(messages, tested);
        for message in messages {
            assert!(
                message.contains("spec.") || message.contains("metadata."),
                "{message}"
            );
        }
    }
}

fn collect(schema: &Value, messages: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for rule in members
                .get("x-kubernetes-validations")
                .into_iter()
                .filter_map(Value::as_array)
                .flatten()
            {
                let message = rule.get("message").and_then(Value::as_str);
                messages.insert(message.expect("every rule has a message").to_owned());
            }
            members
                .values()
                .for_each(|member| collect(member, messages));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, messages)),
        _ => {}
    }
}
