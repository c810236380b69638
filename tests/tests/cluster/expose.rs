//! Sessions that are reached from outside the cluster.

use serde_json::{Value, json};
use titan_tests::cache::installed;

use crate::harness::object::{Object, message, says};
use crate::harness::scene::{SOON, SYNC, Scene};

const HOST: &str = "wa.titan.example";

fn exposed(scene: &Scene, name: &str, expose: Value) -> Value {
    let mut session = scene.session(name);
    session["spec"]["expose"] = expose;
    session
}

#[tokio::test]
async fn an_ingress_is_made_for_an_allowed_host_and_refused_for_another() {
    let scene = Scene::new("ingress").await;
    let kube = scene.kube();
    let ingress = |host: &str| json!({"ingress": {"className": "nginx", "host": host}});
    kube.apply(&[scene.secret(), scene.storage()]).await;
    kube.apply(&[
        exposed(&scene, "allowed", ingress(HOST)),
        exposed(&scene, "foreign", ingress("bank.example.com")),
    ])
    .await;
    let child = scene.object("Ingress", "msess-allowed");
    let made = kube.wait(SOON, &child, "it is made", |_| true).await;
    let rule = &made["spec"]["rules"][0];
    assert_eq!(rule["host"], HOST);
    assert_eq!(rule["http"]["paths"][0]["path"], "/api/sessions/allowed/");
    let refused = scene
        .until(&scene.msess("foreign"), "Exposed", "False", "")
        .await;
    let text = message(&refused, "Exposed");
    assert!(text.contains("bank.example.com"), "{text}");
    assert!(
        kube.get(&scene.object("Ingress", "msess-foreign"))
            .await
            .is_none()
    );
    // What is inside the cluster works all the same.
    scene.takes_an_image("foreign", "3EB0INSIDE").await;

    let none = json!({"spec": {"expose": null}});
    kube.patch(&scene.msess("allowed"), &none).await;
    kube.wait_gone(SOON, &child).await;
}

#[tokio::test]
async fn a_route_follows_its_parents_once_gateway_api_is_installed() {
    let scene = Scene::new("http_route").await;
    let kube = scene.kube();
    let definitions = installed("foreign-crds")
        .join("gateway-api")
        .display()
        .to_string();
    let remove = ["delete", "--ignore-not-found", "--filename", &definitions];
    kube.kubectl(&remove).await.expect();
    let route = |host: &str| json!({"httpRoute": {"parentRefs": [{"name": "public", "namespace": "gateways", "port": 443}], "hostnames": [host]}});
    kube.apply(&[
        scene.secret(),
        scene.storage(),
        exposed(&scene, "default", route(HOST)),
    ])
    .await;
    let session = scene.msess("default");
    scene.until(&session, "Exposed", "False", "").await;

    // Installed after the operator: found without a restart.
    let install = ["apply", "--server-side", "--filename", &definitions];
    kube.kubectl(&install).await.expect();
    let child = scene.object("HTTPRoute", "msess-default");
    let made = kube.wait(SYNC, &child, "it is made", |_| true).await;
    assert_eq!(made["spec"]["hostnames"], json!([HOST]));
    assert!(!says(
        &kube.get(&session).await.unwrap(),
        "Exposed",
        "True",
        ""
    ));

    // No gateway runs here: the test says what one would.
    for (status, reason) in [
        ("False", "NoMatchingListenerHostname"),
        ("True", "Accepted"),
    ] {
        accept(
            &scene,
            &child,
            &made["spec"]["parentRefs"][0],
            status,
            reason,
        )
        .await;
        let told = |now: &Value| {
            let why = status == "True" || message(now, "Exposed").contains(reason);
            says(now, "Exposed", status, "") && why
        };
        let now = kube
            .wait(SOON, &session, "what the gateway said is told", told)
            .await;
        if status == "True" {
            let url = now["status"]["externalURL"].as_str().unwrap_or_default();
            assert!(url.contains(HOST), "{now:#}");
        }
    }
    let foreign = json!({"spec": {"expose": route("bank.example.com")}});
    kube.patch(&session, &foreign).await;
    let refused = scene.until(&session, "Exposed", "False", "").await;
    let text = message(&refused, "Exposed");
    assert!(text.contains("bank.example.com"), "{text}");
    kube.wait_gone(SOON, &child).await;
    kube.kubectl(&remove).await.expect();
}

/// Writes the status that a gateway's controller would write.
async fn accept(scene: &Scene, route: &Object, parent: &Value, status: &str, reason: &str) {
    let condition = |type_: &str, status: &str, reason: &str| {
        json!({
            "type": type_, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let patch = json!({"status": {"parents": [{
        "parentRef": parent,
        "controllerName": "titan.example/gateway",
        "conditions": [
            condition("Accepted", status, reason),
            condition("ResolvedRefs", "True", "ResolvedRefs"),
        ],
    }]}});
    let args = [
        "patch",
        "httproute",
        &route.name,
        "-n",
        &scene.namespace,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch.to_string(),
    ];
    scene.kube().kubectl(&args).await.expect();
}
