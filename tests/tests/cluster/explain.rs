//! `kubectl explain` tells what every field is.

use serde_json::Value;

use crate::harness::scene::Scene;

/// Trap T14: what schemars makes of types without words of their own.
#[tokio::test]
async fn every_field_has_a_description() {
    let scene = Scene::new("explain").await;
    let kube = scene.kube();
    for kind in ["mediasessions", "tenantstorages"] {
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind}.titan.media");
        let definition = kube.read(&path).await.unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let (mut objects, mut bare) = (vec![kind.to_owned()], Vec::new());
        walk(schema, kind, &mut objects, &mut bare);
        assert!(bare.is_empty(), "without description: {bare:?}");
        assert!(objects.len() > 5, "{objects:?}");
        for object in objects {
            let text = kube.kubectl(&["explain", &object]).await.expect();
            assert!(!text.contains("<no description>"), "{text}");
            assert!(!text.contains("Auto-generated"), "{text}");
        }
    }
}

/// Collects the paths of objects, and those of fields without a description.
fn walk(schema: &Value, path: &str, objects: &mut Vec<String>, bare: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // These three are the API server's own.
        if path.ends_with(".metadata")
            || field["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        {
        } else if !matches!(name.as_str(), "apiVersion" | "kind") {
            bare.push(path.clone());
        }
        let inner = if field["type"] == "array" {
            &field["items"]
        } else {
            field
        };
        if inner["properties"].is_object() {
            objects.push(path.clone());
            walk(inner, &path, objects, bare);
        }
    }
}
