//! The product's OpenAPI document as a judge of the product's answers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::Reply;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// The structure that OpenAPI 3.1 demands of a document, as JSON Schema.
const STRUCTURE: &str = include_str!("openapi-3.1.json");

/// An OpenAPI document.
#[derive(Debug)]
pub struct Contract {
    document: Value,
}

// === impl Contract ===

impl Contract {
    /// Takes a document as it is; [`Self::faults`] says what is wrong with it.
    #[must_use]
    pub const fn new(document: Value) -> Self {
        Self { document }
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// Everything that is wrong with the document itself.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let structure = jsonschema::draft202012::new(&serde_json::from_str(STRUCTURE).unwrap());
        let structure = structure.unwrap();
        let mut faults: Vec<_> = structure
            .iter_errors(&self.document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        self.check_references(&self.document, &mut faults);
        self.check_schemas(&mut faults);
        self.check_operations(&mut faults);
        faults
    }

    /// Every `method path` of the document, methods in upper case.
    #[must_use]
    pub fn operations(&self) -> BTreeSet<String> {
        self.each_operation()
            .map(|(path, method, _)| format!("{} {path}", method.to_ascii_uppercase()))
            .collect()
    }

    /// Whether the document allows this answer.
    pub fn check(&self, method: &str, path: &str, reply: &Reply) -> Result<(), String> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let Some(operation) = self.operation(method, path) else {
            let known = matches!(reply.status, 401 | 404 | 405);
            return known
                .then_some(())
                .ok_or_else(|| "not in the document".to_owned());
        };
        let responses = &operation["responses"];
        let (status, class) = (
            reply.status.to_string(),
            format!("{}XX", reply.status / 100),
        );
        let response = [status.as_str(), class.as_str(), "default"]
            .iter()
            .find_map(|name| responses.get(*name))
            .ok_or("a status that the document does not have")?;
        let response = self.resolve(response);
        let mime = reply.header("content-type").unwrap_or_default();
        let mime = mime.split(';').next().unwrap_or_default().trim();
        if method == "HEAD" || reply.body.is_empty() || !mime.contains("json") {
            return Ok(());
        }
        let schema = response["content"]
            .get(mime)
            .or_else(|| response["content"].get("*/*"))
            .ok_or_else(|| format!("{mime} is not in the document"))?;
        self.matches(&schema["schema"], &reply.json())
    }

    fn matches(&self, schema: &Value, instance: &Value) -> Result<(), String> {
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&self.rooted(schema))
            .map_err(|error| error.to_string())?;
        let faults: Vec<_> = validator
            .iter_errors(instance)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{faults:?} in {instance}"))
        }
    }

    /// `schema` with the document's components beside it, so that its references resolve.
    fn rooted(&self, schema: &Value) -> Value {
        json!({"components": self.document["components"], "allOf": [schema]})
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value.get("$ref").and_then(Value::as_str);
        let pointer = target.and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.document.pointer(pointer))
            .unwrap_or(value)
    }

    fn each_operation(&self) -> impl Iterator<Item = (&String, &String, &Value)> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods
                .filter(|(method, _)| METHODS.contains(&method.as_str()))
                .map(move |(method, operation)| (path, method, operation))
        })
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let method = method.to_ascii_lowercase();
        let mut found: Vec<_> = self
            .each_operation()
            .filter(|(template, verb, _)| **verb == method && fits(template, path))
            .collect();
        // A concrete segment wins over a parameter.
        found.sort_by_key(|(template, ..)| template.matches('{').count());
        found.first().map(|(_, _, operation)| *operation)
    }

    fn check_references(&self, value: &Value, faults: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let found = reference
                        .strip_prefix('#')
                        .map(|at| self.document.pointer(at));
                    if !matches!(found, Some(Some(_))) {
                        faults.push(format!("{reference} leads nowhere"));
                    }
                }
                fields
                    .values()
                    .for_each(|value| self.check_references(value, faults));
            }
            Value::Array(items) => {
                for value in items {
                    self.check_references(value, faults);
                }
            }
            _ => {}
        }
    }

    fn check_schemas(&self, faults: &mut Vec<String>) {
        let none = Map::new();
        let schemas = self.document["components"]["schemas"]
            .as_object()
            .unwrap_or(&none);
        for (name, schema) in schemas {
            if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
                faults.push(format!("schema {name}: {error}"));
            }
        }
    }

    fn check_operations(&self, faults: &mut Vec<String>) {
        let mut ids = BTreeSet::new();
        for (path, method, operation) in self.each_operation() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            if !ids.insert(id) {
                faults.push(format!("{method} {path}: operationId {id:?} is not unique"));
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let shared = self.document["paths"][path]["parameters"]
                .as_array()
                .into_iter()
                .flatten();
            let declared: BTreeSet<_> = parameters
                .chain(shared)
                .map(|parameter| self.resolve(parameter))
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let named: BTreeSet<_> = path
                .split('/')
                .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            if declared != named {
                faults.push(format!(
                    "{method} {path}: parameters {declared:?}, path {named:?}"
                ));
            }
        }
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, found)| {
            expected == found
                || (expected.starts_with('{') && expected.ends_with('}') && !found.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1"},
            "paths": {"/a/{id}": {"get": {
                "operationId": "a",
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "ok", "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/A"}}}}},
            }}},
            "components": {"schemas": {"A": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}},
        })
    }

    fn reply(status: u16, body: &'static str) -> Reply {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        Reply {
            status,
            headers,
            body: body.into(),
        }
    }

    #[test]
    fn right_document_has_no_fault_and_judges_answers() {
        let contract = Contract::new(document());
        assert_eq!(contract.faults(), Vec::<String>::new());
        assert_eq!(
            contract.check("GET", "/a/1", &reply(200, r#"{"n":1}"#)),
            Ok(())
        );
        assert!(
            contract
                .check("GET", "/a/1", &reply(200, r#"{"n":"1"}"#))
                .is_err()
        );
        assert!(
            contract
                .check("GET", "/a/1", &reply(201, r#"{"n":1}"#))
                .is_err()
        );
        assert!(contract.check("GET", "/b", &reply(200, "{}")).is_err());
    }

    #[test]
    fn wrong_documents_are_found() {
        for (pointer, name, value) in [
            ("", "openapi", json!("3.0.0")),
            ("/info", "title", json!(1)),
            ("/components/schemas/A", "type", json!("thing")),
            ("/paths/~1a~1{id}/get", "parameters", json!([])),
            ("/paths/~1a~1{id}/get", "responses", json!({"200": {}})),
            (
                "/paths/~1a~1{id}/get/responses/200/content/application~1json",
                "schema",
                json!({"$ref": "#/no"}),
            ),
        ] {
            let mut document = document();
            document.pointer_mut(pointer).unwrap()[name] = value;
            assert!(
                !Contract::new(document).faults().is_empty(),
                "{pointer}/{name}"
            );
        }
    }
}
