//! `/docs`: the explorer works in a real browser that reaches nothing but the program.

use std::process::Command;

use serde_json::Value;
use titan_tests::api::Api;
use titan_tests::cache::installed;
use titan_tests::contract::Contract;
use titan_tests::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_shown_in_a_browser_without_the_internet() {
    let stage = Stage::up().await;
    let api = Api::new(&stage.sidecar.url());
    let document = api.get("/openapi.json").await.expect(200).json();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(installed("chromium"))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=20000"])
        // No other name leads anywhere.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("{}/docs", stage.sidecar.url()))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(
                page.contains(&format!("-{id}\"")),
                "{method} {path}: {page}"
            );
        }
    }
    let console: Vec<_> = log
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_loads_nothing_from_elsewhere_and_errors_point_to_it() {
    let stage = Stage::up().await;
    let api = Api::new(&stage.sidecar.url());
    for file in ["", "/start.js", "/swagger-ui.css", "/swagger-ui-bundle.js"] {
        let reply = api.get(&format!("/docs{file}")).await.expect(200);
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    for other in ["/docs/", "/docs/..%2fCargo.toml", "/docs/swagger-ui.css.gz"] {
        let reply = api.get(other).await;
        reply.refused(404, "route_not_found");
    }
    let reply = stage.api.get(&Stage::path("media/none")).await;
    reply.refused(404, "media_not_found");
    assert_eq!(reply.json()["docs"], "/docs");
    api.get("/docs").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_the_limit_where_requests_are_counted() {
    let stage = Stage::up().await;
    let document = Api::new(&stage.sidecar.url()).get("/openapi.json").await;
    let contract = Contract::new(document.expect(200).json());
    for operation in contract.operations() {
        let (method, path) = operation.split_once(' ').unwrap();
        let method = method.to_ascii_lowercase();
        let responses = &contract.document()["paths"][path][method]["responses"];
        let limited = responses.get("429").is_some_and(Value::is_object);
        assert_eq!(limited, !path.contains("/inbound"), "{operation}");
    }
}
