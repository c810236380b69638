//! Which session sends: the one in the path, the one in the body, or the only one.

use serde_json::json;
use titan_tests::gateway::{Dialect, Gateway};
use titan_tests::manifests::Document;
use titan_tests::stage::{SESSION, TENANT};

use super::harness::{
    file, holds_file, of_format, plan, send, send_with, spool_is_empty, text, up, with,
};

const ROUTE: &str = "/api/messages/send";

#[tokio::test(flavor = "multi_thread")]
async fn the_only_session_of_a_key_need_not_be_named() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let named = with(text("named"), "session", SESSION);
    for message in [&named, &text("not named")] {
        stage.api.post_json(ROUTE, message).await.expect(200);
    }
    send(&stage, &named).await.expect(200);
    assert_eq!(gateway.posted().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_may_not_name_another_session_than_the_path() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let other = with(file("image", &of_format("png", 900)), "session", "other");
    let reply = send(&stage, &other).await;
    reply.refused(400, "invalid_field");
    assert_eq!(reply.json()["pointer"], "/session");
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sessions_the_body_names_the_one_that_sends() {
    let (mut plan, first) = plan(Dialect::Waha).await;
    let second = Gateway::start(Dialect::Evolution).await;
    let session = Document::session(TENANT, "second", "acme-keys")
        .spec("source.gateway.send", second.send_api());
    plan.more.push(session);
    let stage = plan.up().await;
    let bytes = of_format("png", 200_000);
    let message = file("image", &bytes);
    let reply = stage.api.post_json(ROUTE, &message).await;
    reply.refused(400, "missing_field");
    assert_eq!(reply.json()["pointer"], "/session");
    for session in [SESSION, "second"] {
        let named = with(message.clone(), "session", session);
        stage.api.post_json(ROUTE, &named).await.expect(200);
    }
    let nobody = with(message, "session", "nobody");
    let reply = stage.api.post_json(ROUTE, &nobody).await;
    reply.refused(404, "session_not_found");
    for gateway in [first, second] {
        let posted = gateway.posted();
        assert_eq!(posted.len(), 1);
        assert!(posted[0].faults.is_empty(), "{:?}", posted[0].faults);
        assert!(holds_file(&posted[0].json, &bytes));
    }
    spool_is_empty(&stage).await;
    let other = stage
        .sidecar
        .launch()
        .data()
        .join(TENANT)
        .join("second/spool");
    assert_eq!(std::fs::read_dir(other).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_another_tenant_is_not_found() {
    let (mut plan, gateway) = plan(Dialect::Waha).await;
    let key = [("key", "titan_globex_0123456789abcdefghij")];
    plan.more.push(Document::secret("globex", "keys", &key));
    plan.more.push(Gateway::secret_of("globex"));
    let theirs = Gateway::start(Dialect::Waha).await;
    let session = Document::session("globex", "globex-main", "keys")
        .spec("source.gateway.send", theirs.send_api());
    plan.more.push(session);
    let stage = plan.up().await;
    let message = with(text("x"), "session", "globex-main");
    let reply = stage.api.post_json(ROUTE, &message).await;
    reply.refused(404, "session_not_found");
    let path = "/api/sessions/globex-main/messages/send";
    let reply = stage.api.post_json(path, &message).await;
    reply.refused(404, "session_not_found");
    assert!(gateway.posted().is_empty() && theirs.posted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_counts_against_the_rate_limit() {
    let (plan, gateway) = plan(Dialect::Waha).await;
    let limit = json!({"requests": 2, "per": "1h"});
    let stage = plan.spec("rateLimit", limit).up().await;
    let first = send(&stage, &text("x")).await.expect(200);
    assert_eq!(first.header("x-ratelimit-remaining"), Some("1"));
    stage.api.post_json(ROUTE, &text("x")).await.expect(200);
    for reply in [
        send(&stage, &text("x")).await,
        stage.api.post_json(ROUTE, &text("x")).await,
    ] {
        reply.refused(429, "rate_limited");
        assert!(reply.header("retry-after").is_some());
    }
    assert_eq!(gateway.posted().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sends_no_more_than_its_limit_and_repeats_are_not_counted() {
    let (plan, gateway) = plan(Dialect::Waha).await;
    let limit = json!({"messages": 2, "per": "1h"});
    let stage = plan.spec("sendRateLimit", limit).up().await;
    let once = [("idempotency-key", "once")];
    for _ in 0..3 {
        send_with(&stage, &once, &text("once")).await.expect(200);
    }
    send(&stage, &text("second")).await.expect(200);
    let reply = send(&stage, &text("third")).await;
    reply.refused(429, "rate_limited");
    assert!(reply.header("retry-after").is_some());
    let words = reply.json()["error"].to_string();
    assert!(words.contains("spec.sendRateLimit"), "{words}");
    // What is not sent is not counted against the key.
    stage.api.get("/api/sessions").await.expect(200);
    assert_eq!(gateway.posted().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_only_the_body_names_has_its_own_limit() {
    let (mut plan, first) = plan(Dialect::Waha).await;
    let second = Gateway::start(Dialect::Waha).await;
    let session = Document::session(TENANT, "second", "acme-keys")
        .spec("source.gateway.send", second.send_api())
        .spec("rateLimit", json!({"requests": 2, "per": "1h"}));
    plan.more.push(session);
    let stage = plan.up().await;
    let message = with(text("x"), "session", "second");
    for _ in 0..2 {
        stage.api.post_json(ROUTE, &message).await.expect(200);
    }
    let reply = stage.api.post_json(ROUTE, &message).await;
    reply.refused(429, "rate_limited");
    assert!(reply.header("retry-after").is_some());
    let message = with(text("x"), "session", SESSION);
    stage.api.post_json(ROUTE, &message).await.expect(200);
    assert_eq!((first.posted().len(), second.posted().len()), (1, 2));
}
