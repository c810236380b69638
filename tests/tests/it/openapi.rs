//! The OpenAPI document: valid, complete, the same from both doors. That every answer matches it
//! is checked by the client in every other scene.

use serde_json::Value;
use titan_tests::api::Api;
use titan_tests::contract::Contract;
use titan_tests::sidecar::run;
use titan_tests::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn document_is_valid_and_has_every_route() {
    let stage = Stage::up().await;
    let served = Api::new(&stage.sidecar.url())
        .get("/openapi.json")
        .await
        .expect(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    let printed: Value = serde_json::from_slice(&run(&["openapi"]).stdout).unwrap();
    assert_eq!(served.json(), printed);
    let contract = Contract::new(printed);
    assert_eq!(contract.faults(), Vec::<String>::new());
    let operations = contract.operations();
    for route in [
        "POST /api/sessions/{session}/inbound",
        "POST /api/sessions/{session}/inbound/{token}",
        "GET /api/sessions/{session}/media",
        "GET /api/sessions/{session}/media/{media}",
        "POST /api/sessions/{session}/media/{media}/download",
        "GET /api/sessions/{session}/media/{media}/download",
        "HEAD /api/sessions/{session}/media/{media}/download",
        "POST /api/sessions/{session}/media/{media}/persist",
        "POST /api/sessions/{session}/media/{media}/retry",
        "POST /api/sessions/{session}/media/retry",
        "DELETE /api/sessions/{session}/media/{media}",
        "GET /api/sessions",
        "GET /api/sessions/{session}",
    ] {
        let shape = shape_of(route);
        let found = operations.iter().any(|one| shape_of(one) == shape);
        assert!(found, "{route} is not among {operations:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_document_has_the_apis_shape() {
    let document: Value = serde_json::from_slice(&run(&["openapi"]).stdout).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(responses) = operation["responses"].as_object() else {
                continue;
            };
            for (status, response) in responses
                .iter()
                .filter(|(status, _)| status.starts_with(['4', '5']))
            {
                let content = &response["content"]["application/json"];
                assert!(
                    method == "head" || content["schema"].is_object(),
                    "{method} {path} {status}"
                );
            }
        }
    }
}

/// A route with the names of its parameters taken out.
fn shape_of(route: &str) -> String {
    let segments = route
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    segments.collect::<Vec<_>>().join("/")
}
