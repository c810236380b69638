//! What a manifest with a device needs.

use serde_json::json;
use titan_tests::manifests::Document;
use titan_tests::stage::{Plan, Stage, TENANT};

#[tokio::test]
async fn without_the_program_a_device_is_refused_by_its_field() {
    let plan = Plan::usual().await.spec("source", json!({"whatsapp": {}}));
    plan.refused(&["spec.source.whatsapp", "titan-whatsapp"]);
}

#[tokio::test]
async fn one_socket_is_of_one_device() {
    let mut plan = Plan::usual().await.spec("source", json!({"whatsapp": {}}));
    let other =
        Document::session(TENANT, "other", "acme-keys").spec("source", json!({"whatsapp": {}}));
    plan.more.push(other);
    let folder = plan.launch.folder.path().join("sockets");
    for word in ["--whatsapp-socket", folder.to_str().unwrap()] {
        plan.launch.args.push(word.to_owned());
    }
    plan.refused(&["--whatsapp-socket", "spec.source.whatsapp"]);
}

#[tokio::test]
async fn a_session_of_a_gateway_has_no_device() {
    let stage = Stage::up().await;
    for (method, path) in [
        ("GET", "pair/qr"),
        ("POST", "pair/code"),
        ("POST", "start"),
        ("POST", "stop"),
        ("POST", "logout"),
    ] {
        let reply = stage.api.call(method, &Stage::path(path), &[], b"").await;
        reply.refused(409, "device_not_configured");
    }
}

#[tokio::test]
async fn a_program_that_is_away_is_said_to_be() {
    let mut plan = Plan::usual().await.spec("source", json!({"whatsapp": {}}));
    let folder = plan.launch.folder.path().join("sockets");
    for word in ["--whatsapp-socket", folder.to_str().unwrap()] {
        plan.launch.args.push(word.to_owned());
    }
    let stage = plan.up().await;
    let reply = stage.api.get(&Stage::path("pair/qr")).await;
    reply.refused(503, "device_unreachable");
    let reply = stage.api.post(&Stage::path("start")).await;
    reply.refused(503, "device_unreachable");
}
