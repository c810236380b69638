//! The gateway's key: another one, and none.

use serde_json::json;
use titan_tests::gateway::{Dialect, Gateway, SECRET};
use titan_tests::wait::{SOON, until};

use super::harness::{plan, send, text, up};

const FIELD: &str = "spec.source.gateway.send.apiKeySecretRef";

#[tokio::test(flavor = "multi_thread")]
async fn another_key_in_the_secret_works_without_a_restart() {
    let (stage, gateway) = up(Dialect::Evolution).await;
    send(&stage, &text("under the first key")).await.expect(200);
    gateway.take_key("the-second-gateway-key");
    let refused = send(&stage, &text("under the first key")).await;
    refused.refused(502, "gateway_unauthorized");
    stage.apply(&[Gateway::secret("the-second-gateway-key")]);
    until(SOON, "the second key is used", || async {
        send(&stage, &text("under the second key")).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_exit_64_with_its_field() {
    let (mut plan, _gateway) = plan(Dialect::Waha).await;
    plan.more.clear();
    plan.refused(&[FIELD, SECRET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_no_header_can_carry_is_exit_64_and_not_shown() {
    let (mut plan, _gateway) = plan(Dialect::Waha).await;
    plan.more.push(Gateway::secret("two\nlines-of-a-key"));
    let text = plan.refused(&[FIELD, SECRET]);
    assert!(!text.contains("lines-of-a-key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_a_missing_secret_is_reported_and_answered_until_it_is_there() {
    let (mut plan, _gateway) = plan(Dialect::Waha).await;
    plan.launch.args.push("--in-pod".to_owned());
    plan.more.clear();
    let stage = plan.spec("webhooks", json!([])).up().await;
    let problem = stage.misses(FIELD, "SecretNotFound").await;
    assert_eq!(problem["secret"], SECRET);
    let refused = send(&stage, &text("x")).await;
    refused.refused(503, "sending_unavailable");
    assert!(refused.header("retry-after").is_some());
    // It is dialled then, which loopback may not be in a pod.
    stage.apply(&[Gateway::secret("a-key")]);
    until(SOON, "the gateway is dialled", || async {
        send(&stage, &text("x")).await.code() == "gateway_unavailable"
    })
    .await;
    assert_eq!(stage.report().await["missing"], json!([]));
}
