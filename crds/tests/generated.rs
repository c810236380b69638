//! The YAML files beside the types, and what Kubernetes' tools expect of them.

use std::{fs, path::Path};

use serde_json::Value;
use titan_crds::schema::{Kind, chart_template, crd, file_name, schema, yaml};

#[test]
fn the_committed_files_are_what_the_types_say() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plain = crate_folder.join("yaml");
    let chart = crate_folder.join("../charts/titan-media-crds/templates");
    for kind in Kind::ALL {
        for (folder, generated) in [
            (&plain, yaml(kind).unwrap()),
            (&chart, chart_template(kind).unwrap()),
        ] {
            let path = folder.join(file_name(kind));
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == generated,
                "{} is stale: run `make generate`",
                path.display()
            );
        }
    }
}

#[test]
fn the_yaml_reads_back_as_the_definition() {
    for kind in Kind::ALL {
        let read: Value = serde_saphyr::from_str(&yaml(kind).unwrap()).unwrap();
        let typed = serde_json::from_value(read).unwrap();
        let mut definition = crd(kind);
        // `nullable: false` is left out of the file, because it is what holds anyway.
        let text = serde_json::to_string(&definition)
            .unwrap()
            .replace("\"nullable\":false,", "");
        definition = serde_json::from_str(&text).unwrap();
        assert_eq!(definition, typed);
    }
}

#[test]
fn kubectl_get_shows_the_columns_of_the_documentation() {
    let columns = |kind| {
        let version = crd(kind).spec.versions.into_iter().next().unwrap();
        let columns = version.additional_printer_columns.into_iter().flatten();
        let shown = columns.filter(|column| column.priority.unwrap_or(0) == 0);
        shown
            .map(|column| column.name.to_uppercase())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        columns(Kind::MediaSession),
        ["READY", "REASON", "STATE", "STORAGE", "URL", "AGE"]
    );
    assert_eq!(
        columns(Kind::TenantStorage),
        ["READY", "REASON", "BUCKET", "SESSIONS", "LAST PROBE", "AGE"]
    );
}

#[test]
fn names_and_selectors_are_those_of_the_documentation() {
    let names = |kind| {
        let names = crd(kind).spec.names;
        (
            names.plural,
            names.short_names.unwrap_or_default(),
            names.categories.unwrap_or_default(),
        )
    };
    let strings = |text: &str| vec![text.to_owned()];
    assert_eq!(
        names(Kind::TenantStorage),
        (
            "tenantstorages".to_owned(),
            strings("tstore"),
            strings("media")
        )
    );
    assert_eq!(
        names(Kind::MediaSession),
        (
            "mediasessions".to_owned(),
            strings("msess"),
            strings("media")
        )
    );
    let version = crd(Kind::MediaSession)
        .spec
        .versions
        .into_iter()
        .next()
        .unwrap();
    let selectable = version
        .selectable_fields
        .into_iter()
        .flatten()
        .map(|field| field.json_path);
    assert_eq!(selectable.collect::<Vec<_>>(), [".spec.storageRef.name"]);
}

#[test]
fn kubectl_explain_has_a_description_for_every_field() {
    for kind in Kind::ALL {
        each_property(schema(kind), "", &mut |path, property| {
            let text = property
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(!text.is_empty(), "{path} has no description");
            assert!(!text.starts_with("Auto-generated"), "{path}: {text}");
        });
        assert!(schema(kind).get("description").is_some());
    }
}

/// Trap T15: a default that the API server writes belongs to nobody, and a one-of can't be switched then.
#[test]
fn no_schema_default_stands_anywhere() {
    for kind in Kind::ALL {
        each_property(schema(kind), "", &mut |path, property| {
            assert!(property.get("default").is_none(), "{path} has a default");
        });
    }
}

/// Trap T14: null would be a third state beside present and absent.
#[test]
fn no_field_of_a_spec_may_be_null() {
    for kind in Kind::ALL {
        each_property(
            schema(kind).pointer("/properties/spec").unwrap(),
            "spec",
            &mut |path, property| {
                assert_ne!(
                    property.get("nullable"),
                    Some(&Value::Bool(true)),
                    "{path} may be null"
                );
            },
        );
    }
}

/// Trap T15: rules have a budget, and the API server counts an unbounded text or list as endless.
#[test]
fn every_list_and_text_of_our_own_is_bounded() {
    for kind in Kind::ALL {
        each_property(
            schema(kind).pointer("/properties/spec").unwrap(),
            "spec",
            &mut |path, property| {
                let foreign = [
                    "podTemplate.",
                    "whatsapp.resources.",
                    "extraEgress[",
                    "extraIngress[",
                ];
                if foreign.iter().any(|part| path.contains(part)) {
                    return;
                }
                let kind = property
                    .get("type")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let bounded = match kind {
                    "string" => ["maxLength", "enum"]
                        .iter()
                        .any(|key| property.get(key).is_some()),
                    "array" => property.get("maxItems").is_some(),
                    _ => true,
                };
                assert!(bounded, "{path} is unbounded");
            },
        );
    }
}

fn each_property(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = format!("{path}.{name}");
        visit(&path, property);
        each_property(property, &path, visit);
    }
    if let Some(items) = schema.get("items") {
        each_property(items, &format!("{path}[]"), visit);
    }
}
