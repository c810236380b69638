//! What the schemas say of documents, beyond their rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Kind, schema, unknown_fields, validate};

fn session(spec: &Value) -> Value {
    json!({"apiVersion": super::API_VERSION, "kind": "MediaSession", "metadata": {"name": "a"}, "spec": spec})
}

fn complaints(spec: &Value) -> Vec<String> {
    let errors = validate(Kind::MediaSession, &session(spec))
        .err()
        .unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_fields_are_named_with_their_place() {
    let mut document = session(&json!({
        "storageRef": {"name": "acme", "namespace": "other"},
        "webhooks": [{"url": "https://a.example"}, {"url": "https://b.example", "headers": [{"nme": "x"}]}],
        "podTemplate": {"labels": {"any.thing/at": "all"}, "resources": {"limits": {"nvidia.com/gpu": 1}}, "hostNetwork": true},
        "autopersist": {},
    }));
    document["metadata"] = json!({"name": "a", "labels": {"a": "b"}, "whatever": 1});
    document["extra"] = json!(1);
    assert_eq!(
        unknown_fields(Kind::MediaSession, &document)
            .into_iter()
            .collect::<BTreeSet<_>>(),
        [
            "extra",
            "spec.autopersist",
            "spec.podTemplate.hostNetwork",
            "spec.storageRef.namespace",
            "spec.webhooks[1].headers[0].nme",
        ]
        .map(str::to_owned)
        .into()
    );
}

#[test]
fn a_place_with_unusual_names_stays_readable() {
    let document = session(&json!({"podTemplate": {"a.b/c": 1, "": 2}}));
    assert_eq!(
        unknown_fields(Kind::MediaSession, &document),
        ["spec.podTemplate[\"\"]", "spec.podTemplate[\"a.b/c\"]"]
    );
}

#[test]
fn bounds_are_named_with_their_place() {
    for (spec, sentence) in [
        (
            json!({"storageRef": {}}),
            "spec.storageRef.name: is required",
        ),
        (json!({"replicas": 0}), "spec.replicas: must be at least 1"),
        (json!({"replicas": 33}), "spec.replicas: must be at most 32"),
        (
            json!({"replicas": "1"}),
            "spec.replicas: must be a whole number",
        ),
        (
            json!({"suspend": "yes"}),
            "spec.suspend: must be true or false",
        ),
        (json!({"webhooks": {}}), "spec.webhooks: must be a list"),
        (json!({"tls": []}), "spec.tls: must be an object"),
        (
            json!({"session": "a b"}),
            "spec.session: must match ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$",
        ),
        (
            json!({"session": ""}),
            "spec.session: must be at least 1 characters long",
        ),
        (
            json!({"storageRef": {"name": "a".repeat(41)}}),
            "spec.storageRef.name: must be at most 40 characters long",
        ),
        (
            json!({"autoPersist": {"kinds": ["picture"]}}),
            "spec.autoPersist.kinds[0]: must be one of image, video, audio, document, sticker",
        ),
        (
            json!({"autoPersist": {"kinds": ["image", "image"]}}),
            "spec.autoPersist.kinds[1]: stands here twice",
        ),
        (
            json!({"autoPersist": {"maxBytes": true}}),
            "spec.autoPersist.maxBytes: must be a whole number or a string",
        ),
        (
            json!({"transfers": {"timeout": "soon"}}),
            "spec.transfers.timeout: must be a duration such as 30s, 10m, 24h, 7d or 1h30m",
        ),
        (
            json!({"webhooks": [{"url": "https://a.example/h"}, {"url": "https://a.example/h"}]}),
            "spec.webhooks[1]: stands here twice",
        ),
        (
            json!({"expose": {"httpRoute": {"parentRefs": [], "hostnames": ["a.example"]}}}),
            "spec.expose.httpRoute.parentRefs: must have at least 1 items",
        ),
        (
            json!({"podTemplate": {"labels": {"a": 1}}}),
            "spec.podTemplate.labels.a: must be a string",
        ),
    ] {
        assert_eq!(complaints(&spec), [sentence], "{spec}");
    }
}

#[test]
fn credentials_in_an_address_are_refused() {
    for url in [
        "https://user:secret@a.example/h",
        "ftp://a.example",
        "https://",
        "https://a.example/h#x",
    ] {
        assert_eq!(
            complaints(&json!({"webhooks": [{"url": url}]})).len(),
            1,
            "{url}"
        );
    }
    for url in [
        "https://a.example",
        "http://app:8080/h?tenant=a",
        "https://[::1]:8443/h@2",
    ] {
        assert_eq!(
            complaints(&json!({"webhooks": [{"url": url}]})),
            Vec::<String>::new(),
            "{url}"
        );
    }
}

#[test]
fn an_object_without_a_name_or_spec_is_refused() {
    let errors = validate(Kind::MediaSession, &json!({"kind": "MediaSession"})).unwrap_err();
    let sentences: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        ["spec: is required", "metadata.name: is required"]
    );
}

#[test]
fn null_is_absent() {
    assert_eq!(
        complaints(&json!({"source": {"gateway": {}, "whatsapp": null}, "replicas": null})),
        Vec::<String>::new()
    );
}

#[test]
fn the_kind_of_a_document_needs_our_group_and_version() {
    assert_eq!(Kind::of(&session(&json!({}))), Some(Kind::MediaSession));
    assert_eq!(
        Kind::of(&json!({"apiVersion": "titan.media/v1", "kind": "MediaSession"})),
        None
    );
    assert_eq!(
        Kind::of(&json!({"apiVersion": "titan.media/v1alpha1", "kind": "Secret"})),
        None
    );
    assert_eq!(Kind::of(&json!([])), None);
}

/// The check of the bounds knows these keywords and formats; a schema that uses another would pass unseen.
#[test]
fn the_schemas_use_only_keywords_that_are_checked() {
    let known: BTreeSet<_> = [
        "additionalProperties",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
    ]
    .into();
    for kind in Kind::ALL {
        each_schema(schema(kind), &mut |schema| {
            for key in schema.as_object().unwrap().keys() {
                assert!(known.contains(key.as_str()), "{key} is not checked");
            }
            if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
                assert!(regex_lite::Regex::new(pattern).is_ok(), "{pattern}");
            }
            if let Some(format) = schema.get("format").and_then(Value::as_str) {
                assert!(
                    ["duration", "date-time", "int32", "int64"].contains(&format),
                    "{format}"
                );
            }
        });
    }
}

fn each_schema(schema: &Value, visit: &mut dyn FnMut(&Value)) {
    visit(schema);
    for property in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        each_schema(property.1, visit);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(key) {
            each_schema(inner, visit);
        }
    }
}
