//! Deliveries: signed, ordered per chat, retried, never lost, never twice under two ids.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::manifests::Document;
use titan_tests::media::{Kind, hmac_sha256};
use titan_tests::sink::{Answer, Sink};
use titan_tests::stage::{HOOK_KEY, Plan, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn delivery_carries_both_signatures_over_the_raw_body() {
    let stage = Stage::up().await;
    stage.take("3EB0SIGN", baileys::text("héllo")).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0SIGN", SOON)
        .await;
    assert!(event.signed_by(HOOK_KEY.as_bytes()));
    assert_eq!(event.header("content-type"), Some("application/json"));
    let id = event.header("webhook-id").unwrap();
    assert_eq!(id, event.id());
    assert!(id.starts_with("evt_"));
    let timestamp = event.header("webhook-timestamp").unwrap();
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &event.body].concat();
    let right = format!(
        "v1,{}",
        STANDARD.encode(hmac_sha256(HOOK_KEY.as_bytes(), &signed))
    );
    let given = event.header("webhook-signature").unwrap();
    assert!(given.split(' ').any(|one| one == right), "{given}");
    event.json["timestamp"]
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whsec_value_is_the_base64_of_the_key_and_no_key_is_no_signature() {
    let mut plan = Plan::usual().await;
    let (standard, unsigned) = (Sink::start().await, Sink::start().await);
    let key = b"0123456789abcdef0123456789abcdef";
    let secret = format!("whsec_{}", STANDARD.encode(key));
    plan.more
        .push(Document::secret(TENANT, "standard", &[("key", &secret)]));
    plan.session = plan
        .session
        .webhook(&standard.url(), Some("standard"))
        .webhook(&unsigned.url(), None);
    let stage = plan.up().await;
    stage.take("3EB0WHSEC", baileys::text("x")).await;
    let event = standard
        .wait_for("message.received", "3EB0WHSEC", SOON)
        .await;
    assert!(event.signed_by(key));
    let event = unsigned
        .wait_for("message.received", "3EB0WHSEC", SOON)
        .await;
    assert_eq!(
        (
            event.header("x-webhook-signature"),
            event.header("webhook-signature")
        ),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_headers_are_sent_and_only_wanted_events_too() {
    let mut plan = Plan::usual().await;
    plan.more.push(Document::secret(
        TENANT,
        "token",
        &[("value", "Bearer of-the-tenant")],
    ));
    let url = plan.sink.url();
    plan.session = plan.session.spec(
        "webhooks",
        json!([{
            "url": url,
            "events": ["message.reaction"],
            "headers": [
                {"name": "X-Plain", "value": "yes"},
                {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
            ],
        }]),
    );
    let stage = plan.up().await;
    stage.take("3EB0TEXT", baileys::text("not wanted")).await;
    let key = json!({"remoteJid": baileys::CHAT, "fromMe": false, "id": "3EB0TEXT"});
    stage
        .take(
            "3EB0WANTED",
            json!({"reactionMessage": {"key": key, "text": "👍"}}),
        )
        .await;
    let event = stage
        .sink
        .wait_for("message.reaction", "3EB0WANTED", SOON)
        .await;
    assert_eq!(event.header("x-plain"), Some("yes"));
    assert_eq!(event.header("authorization"), Some("Bearer of-the-tenant"));
    assert!(stage.sink.about("3EB0TEXT").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_deliveries_are_retried_under_the_same_id() {
    let stage = Stage::up().await;
    stage.sink.answer([
        Answer::Status(500),
        Answer::Refuse,
        Answer::Status(302),
        Answer::Redirect("http://127.0.0.1:1/elsewhere".into()),
        Answer::RetryAfter(503, 1),
        Answer::Status(404),
    ]);
    stage.take("3EB0RETRY", baileys::text("x")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0RETRY", LATER)
        .await;
    let attempts = stage.sink.about("3EB0RETRY");
    assert_eq!(attempts.len(), 7, "{attempts:?}");
    let ids: BTreeSet<_> = attempts.iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    until(SOON, "nothing is left to deliver", || async {
        stage.status().await["sessions"][0]["queue"]["deliveries_pending"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_receiver_is_given_up_after_the_timeout_and_tried_again() {
    let mut plan = Plan::usual().await;
    let url = plan.sink.url();
    plan.session = plan
        .session
        .spec("webhooks", json!([{"url": url, "timeout": "1s"}]));
    let stage = plan.up().await;
    stage.sink.answer([Answer::Silence]);
    stage.take("3EB0SILENT", baileys::text("x")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0SILENT", SOON)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn order_holds_within_a_chat_and_chats_do_not_wait_for_each_other() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 4000);
    stage.cdn.fail(&path, [titan_tests::cdn::Fault::Stall(10)]);
    // The first chat's head is held by a file that does not come for a while.
    stage.take("3EB0HELD", baileys::file(&sealed, &path)).await;
    for index in 0..5 {
        stage
            .take(&format!("3EB0BEHIND{index}"), baileys::text("x"))
            .await;
        let chat = format!("551160000000{index}@s.whatsapp.net");
        let message = baileys::message_in(&chat, &format!("3EB0OTHER{index}"), baileys::text("x"));
        stage
            .inbound(&baileys::upsert(&[message]))
            .await
            .expect(202);
    }
    for index in 0..5 {
        stage
            .sink
            .wait_for("message.received", &format!("3EB0OTHER{index}"), SOON)
            .await;
    }
    stage
        .sink
        .wait_for("message.received", "3EB0BEHIND4", LATER)
        .await;
    let order: Vec<_> = stage
        .sink
        .deliveries()
        .iter()
        .filter(|one| one.event() == "message.received" && !one.message_id().contains("OTHER"))
        .map(|one| one.message_id().to_owned())
        .collect();
    let right: Vec<_> = ["3EB0HELD".to_owned()]
        .into_iter()
        .chain((0..5).map(|index| format!("3EB0BEHIND{index}")))
        .collect();
    assert_eq!(order, right);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_answers_410_is_left_alone() {
    let mut plan = Plan::usual().await;
    let other = Sink::start().await;
    plan.session = plan.session.webhook(&other.url(), None);
    let stage = plan.up().await;
    stage.sink.answer_always(Some(Answer::Status(410)));
    stage.take("3EB0G1", baileys::text("x")).await;
    until(SOON, "410 was answered", || async {
        !stage.sink.deliveries().is_empty()
    })
    .await;
    other.wait_for("message.received", "3EB0G1", SOON).await;
    stage.take("3EB0G2", baileys::text("x")).await;
    other.wait_for("message.received", "3EB0G2", SOON).await;
    until(SOON, "nothing is left to deliver", || async {
        stage.status().await["sessions"][0]["queue"]["deliveries_pending"] == 0
    })
    .await;
    assert_eq!(stage.sink.deliveries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_run_out_into_a_dead_letter_and_the_next_message_goes() {
    let mut plan = Plan::usual().await;
    let url = plan.sink.url();
    plan.session = plan.session.spec(
        "webhooks",
        json!([{"url": url, "retries": {"attempts": 3, "delaySeconds": 1, "maxDelay": "1s", "policy": "constant"}}]),
    );
    let stage = plan.up().await;
    stage.sink.answer([
        Answer::Status(500),
        Answer::Status(500),
        Answer::Status(500),
    ]);
    stage.take("3EB0DEAD", baileys::text("x")).await;
    stage.take("3EB0NEXT", baileys::text("x")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0NEXT", LATER)
        .await;
    assert_eq!(stage.sink.about("3EB0DEAD").len(), 3);
    assert_eq!(
        stage.status().await["sessions"][0]["queue"]["deliveries_dead"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn event_waits_for_its_object_but_not_for_a_bucket_that_is_down() {
    let stage = Stage::up().await;
    stage.bucket.set_mode(Mode::Down);
    let (sealed, path) = stage.file(Kind::Image, 4000);
    let started = std::time::Instant::now();
    stage.take("3EB0DOWN1", baileys::file(&sealed, &path)).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0DOWN1", SOON)
        .await;
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "held although the bucket is down"
    );
    assert!(event.json["payload"].get("mediaUrl").is_none());
    stage.bucket.set_mode(Mode::Up);
    let event = stage
        .sink
        .wait_for("media.persisted", "3EB0DOWN1", LATER)
        .await;
    assert!(event.json["payload"]["mediaUrl"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_url_of_a_late_delivery_is_fresh_and_says_when_it_ends() {
    let stage = Stage::up().await;
    stage.sink.answer([Answer::Status(500)]);
    let (sealed, path) = stage.file(Kind::Image, 4000);
    stage.take("3EB0FRESH", baileys::file(&sealed, &path)).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0FRESH", SOON)
        .await;
    let expires = event.json["payload"]["mediaUrlExpiresAt"].as_str().unwrap();
    let expires: jiff::Timestamp = expires.parse().unwrap();
    assert!(expires > titan_tests::wait::now());
    let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
    assert!(url.contains("X-Amz-Signature="), "not presigned");
}
