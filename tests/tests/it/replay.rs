//! Webhooks on demand: a test event, dead letters, and deliveries that go again.

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::media::Kind;
use titan_tests::sink::{Answer, Sink};
use titan_tests::stage::{HOOK_KEY, Plan, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, now, until};

/// One attempt, then a dead letter.
fn once(url: &str) -> Value {
    json!({"url": url, "retries": {"attempts": 1}, "hmacKeySecretRef": {"name": "acme-hook", "key": "key"}})
}

async fn one_attempt() -> Stage {
    let mut plan = Plan::usual().await;
    let url = plan.sink.url();
    plan.session = plan.session.spec("webhooks", json!([once(&url)]));
    plan.up().await
}

async fn replay(stage: &Stage, query: &str) -> Value {
    let path = Stage::path(&format!("webhooks/replay?{query}"));
    stage.api.post(&path).await.expect(202).data()["queued"].clone()
}

async fn dead_letters(stage: &Stage, query: &str) -> Value {
    let path = Stage::path(&format!("webhooks/dead-letters{query}"));
    stage.api.get(&path).await.expect(200).json()
}

async fn dead(stage: &Stage, count: u64) {
    until(SOON, format_args!("{count} dead letters"), || async {
        stage.report().await["queue"]["deliveries_dead"] == count
    })
    .await;
}

async fn settled(stage: &Stage) {
    until(SOON, "nothing is left to deliver", || async {
        stage.report().await["queue"]["deliveries_pending"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_is_signed_and_its_outcome_told_for_each_endpoint() {
    let mut plan = Plan::usual().await;
    let failing = Sink::start().await;
    failing.answer_always(Some(Answer::Status(503)));
    let (good, bad) = (once(&plan.sink.url()), once(&failing.url()));
    // A test goes to endpoints that want other events too.
    let mut good = good;
    good["events"] = json!(["message.revoked"]);
    plan.session = plan.session.spec("webhooks", json!([good, bad]));
    let stage = plan.up().await;
    let path = Stage::path("webhooks/test");
    let results = stage.api.post(&path).await.expect(200).data();
    assert_eq!(results.as_array().unwrap().len(), 2, "{results}");
    let delivered = &stage.sink.deliveries()[0];
    assert_eq!(delivered.event(), "webhook.test");
    assert!(delivered.signed_by(HOOK_KEY.as_bytes()));
    assert_eq!(results[0]["eventId"], delivered.id());
    assert_eq!(results[0]["delivered"], true);
    assert_eq!(results[1]["delivered"], false);
    let error = results[1]["error"].as_str().unwrap();
    assert!(error.contains("503"), "{error}");
    let origin = failing.url().replace("/hooks", "");
    assert_eq!(results[1]["origin"], origin);
    // One alone, and nothing of it is kept.
    let id = results[0]["endpoint"].as_str().unwrap();
    let one = stage.api.post(&format!("{path}?endpoint={id}")).await;
    assert_eq!(one.expect(200).data().as_array().unwrap().len(), 1);
    assert_eq!(failing.deliveries().len(), 1);
    let unknown = stage.api.post(&format!("{path}?endpoint=ep_none")).await;
    unknown.refused(404, "endpoint_not_found");
    let queue = &stage.report().await["queue"];
    assert_eq!(queue["deliveries_dead"], 0);
    assert_eq!(queue["deliveries_pending"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webhooks_there_is_nothing_to_test_or_replay() {
    let plan = Plan::usual().await;
    let stage = plan.spec("webhooks", json!(null)).up().await;
    let id = "webhooks/replay?id=evt_1";
    for route in ["webhooks/test", id] {
        let reply = stage.api.post(&Stage::path(route)).await;
        reply.refused(409, "webhooks_not_configured");
    }
    assert_eq!(dead_letters(&stage, "").await, json!({"data": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_replayed_by_id_under_the_same_id() {
    let stage = one_attempt().await;
    stage
        .sink
        .answer([Answer::Status(500), Answer::Status(418)]);
    stage.take("3EB0DEAD1", baileys::text("first")).await;
    stage.take("3EB0DEAD2", baileys::text("second")).await;
    dead(&stage, 2).await;
    let list = dead_letters(&stage, "").await;
    let letter = &list["data"][1];
    assert_eq!(letter["event"], "message.received");
    assert_eq!(letter["messageId"], "3EB0DEAD1");
    assert_eq!(letter["chatId"], baileys::CHAT);
    assert_eq!(letter["attempts"], 1);
    assert!(
        letter["error"].as_str().unwrap().contains("500"),
        "{letter}"
    );
    assert_eq!(letter["origin"], stage.sink.url().replace("/hooks", ""));
    let page = dead_letters(&stage, "?limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let second = dead_letters(&stage, &format!("?cursor={cursor}")).await;
    assert_eq!(second["data"], json!([letter]));
    let none = dead_letters(&stage, "?endpoint=ep_none").await;
    assert_eq!(none["data"], json!([]));
    let future = dead_letters(&stage, "?since=2199-01-01T00:00:00Z").await;
    assert_eq!(future["data"], json!([]));

    let first = stage.sink.about("3EB0DEAD1")[0].id().to_owned();
    assert_eq!(letter["eventId"], first.as_str());
    assert_eq!(replay(&stage, &format!("id={first}")).await, 1);
    let event = stage
        .sink
        .wait_for("message.received", "3EB0DEAD1", SOON)
        .await;
    assert_eq!(event.id(), first);
    settled(&stage).await;
    assert_eq!(stage.sink.about("3EB0DEAD2").len(), 1);
    dead(&stage, 1).await;
    let unknown = Stage::path("webhooks/replay?id=evt_none");
    let reply = stage.api.post(&unknown).await;
    reply.refused(404, "event_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_range_replays_what_died_in_order_and_what_was_delivered_if_asked() {
    let stage = one_attempt().await;
    stage
        .take("3EB0R0", baileys::text("delivered before"))
        .await;
    stage
        .sink
        .wait_for("message.received", "3EB0R0", SOON)
        .await;
    stage.sink.answer_always(Some(Answer::Status(500)));
    for index in 1..=4 {
        let id = format!("3EB0R{index}");
        stage.take(&id, baileys::text("x")).await;
    }
    dead(&stage, 4).await;
    stage.sink.answer_always(None);
    let since = "since=2020-01-01T00:00:00Z";
    assert_eq!(replay(&stage, "since=2199-01-01T00:00:00Z").await, 0);
    let earlier = "until=2020-01-02T00:00:00Z";
    assert_eq!(replay(&stage, &format!("{since}&{earlier}")).await, 0);
    assert_eq!(replay(&stage, since).await, 4);
    for index in 1..=4 {
        let id = format!("3EB0R{index}");
        stage.sink.wait_for("message.received", &id, SOON).await;
    }
    settled(&stage).await;
    let again: Vec<_> = stage.sink.deliveries().split_off(5);
    let order: Vec<_> = again
        .iter()
        .map(|one| one.message_id().to_owned())
        .collect();
    assert_eq!(order, ["3EB0R1", "3EB0R2", "3EB0R3", "3EB0R4"]);
    // Nothing is dead any more; only who asks for what was delivered gets it again.
    assert_eq!(replay(&stage, since).await, 0);
    assert_eq!(
        replay(&stage, &format!("{since}&status=delivered")).await,
        5
    );
    until(SOON, "all five came again", || async {
        stage.sink.deliveries().len() == 14
    })
    .await;
    settled(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replay_adds_nothing_while_the_first_is_on_its_way() {
    let stage = one_attempt().await;
    stage.sink.answer([Answer::Status(500)]);
    stage.take("3EB0TWICE", baileys::text("x")).await;
    dead(&stage, 1).await;
    stage.sink.answer([Answer::Silence]);
    let id = stage.sink.about("3EB0TWICE")[0].id().to_owned();
    let query = format!("id={id}");
    assert_eq!(replay(&stage, &query).await, 1);
    assert_eq!(replay(&stage, &query).await, 0);
    assert_eq!(
        replay(&stage, "since=2020-01-01T00:00:00Z&status=all").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_renders_the_media_as_it_is_now() {
    let stage = one_attempt().await;
    stage.sink.answer([Answer::Status(500)]);
    let (sealed, path) = stage.file(Kind::Image, 4000);
    stage.take("3EB0MEDIA", baileys::file(&sealed, &path)).await;
    dead(&stage, 1).await;
    let before = stage.sink.about("3EB0MEDIA")[0].clone();
    replay(&stage, &format!("id={}", before.id())).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0MEDIA", SOON)
        .await;
    let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
    let expires = &event.json["payload"]["mediaUrlExpiresAt"];
    let expires: jiff::Timestamp = expires.as_str().unwrap().parse().unwrap();
    assert!(expires > now());
    let object = titan_tests::api::Api::fetch(url, &[]).await.expect(200);
    assert_eq!(object.body, sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_or_a_replay_opens_an_endpoint_that_answered_410() {
    let stage = one_attempt().await;
    stage.sink.answer([Answer::Status(410)]);
    stage.take("3EB0GONE1", baileys::text("x")).await;
    dead(&stage, 1).await;
    stage.take("3EB0GONE2", baileys::text("x")).await;
    dead(&stage, 2).await;
    assert_eq!(stage.sink.deliveries().len(), 1, "it was called again");
    let webhooks = stage.report().await["webhooks"].clone();
    assert_eq!(webhooks[0]["reason"], "WebhookFailing", "{webhooks}");
    let path = Stage::path("webhooks/test");
    stage.api.post(&path).await.expect(200);
    assert_eq!(stage.report().await["webhooks"], json!([]));
    stage.take("3EB0GONE3", baileys::text("x")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0GONE3", SOON)
        .await;
    stage.sink.answer([Answer::Status(410)]);
    stage.take("3EB0GONE4", baileys::text("x")).await;
    dead(&stage, 3).await;
    assert_eq!(replay(&stage, "since=2020-01-01T00:00:00Z").await, 3);
    stage
        .sink
        .wait_for("message.received", "3EB0GONE4", SOON)
        .await;
    settled(&stage).await;
    dead(&stage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_left_behind_goes_to_the_one_that_took_its_place() {
    let mut plan = Plan::usual().await;
    let url = plan.sink.url();
    let retries = json!({"attempts": 100, "delaySeconds": 600, "maxDelay": "1h"});
    plan.session = plan
        .session
        .spec("webhooks", json!([{"url": url, "retries": retries}]));
    let stage = plan.up().await;
    stage.sink.answer_always(Some(Answer::Status(500)));
    stage.take("3EB0MOVED", baileys::text("x")).await;
    until(SOON, "it was tried", || async {
        !stage.sink.deliveries().is_empty()
    })
    .await;
    let next = Sink::start().await;
    let moved = stage.session.clone();
    stage.apply(&[moved.spec("webhooks", json!([once(&next.url())]))]);
    dead(&stage, 1).await;
    let letter = dead_letters(&stage, "").await["data"][0].clone();
    assert_eq!(letter["error"], "endpoint_removed");
    assert!(letter.get("origin").is_none(), "{letter}");
    let since = "since=2020-01-01T00:00:00Z";
    assert_eq!(replay(&stage, since).await, 1);
    let event = next.wait_for("message.received", "3EB0MOVED", SOON).await;
    assert_eq!(event.id(), stage.sink.deliveries()[0].id());
    settled(&stage).await;
    dead(&stage, 0).await;
    assert_eq!(replay(&stage, since).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_a_receiver_asks_for_is_waited() {
    let mut plan = Plan::usual().await;
    let url = plan.sink.url();
    let retries = json!({"attempts": 5, "delaySeconds": 0, "maxDelay": "1m"});
    plan.session = plan
        .session
        .spec("webhooks", json!([{"url": url, "retries": retries}]));
    let stage = plan.up().await;
    stage.sink.answer([Answer::RetryAfter(429, 3)]);
    let started = std::time::Instant::now();
    stage.take("3EB0WAIT", baileys::text("x")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0WAIT", LATER)
        .await;
    assert!(started.elapsed() >= std::time::Duration::from_secs(3));
    assert_eq!(stage.sink.about("3EB0WAIT").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_header_and_key_are_sent_without_a_restart() {
    use titan_tests::manifests::Document;
    let mut plan = Plan::usual().await;
    let secret = |token: &str, key: &str| {
        let values = [("token", token), ("key", key)];
        Document::secret(TENANT, "rotating", &values)
    };
    plan.more.push(secret("Bearer first", "first-key"));
    let url = plan.sink.url();
    plan.session = plan.session.spec(
        "webhooks",
        json!([{
            "url": url,
            "hmacKeySecretRef": {"name": "rotating", "key": "key"},
            "headers": [{"name": "Authorization",
                "valueFrom": {"secretKeyRef": {"name": "rotating", "key": "token"}}}],
        }]),
    );
    let stage = plan.up().await;
    stage.take("3EB0ROT0", baileys::text("x")).await;
    let event = stage
        .sink
        .wait_for("message.received", "3EB0ROT0", SOON)
        .await;
    assert_eq!(event.header("authorization"), Some("Bearer first"));
    assert!(event.signed_by(b"first-key"));
    stage.apply(&[secret("Bearer second", "second-key")]);
    until(SOON, "the new values are sent", || async {
        let path = Stage::path("webhooks/test");
        stage.api.post(&path).await.expect(200);
        let last = stage.sink.deliveries().pop().unwrap();
        last.header("authorization") == Some("Bearer second") && last.signed_by(b"second-key")
    })
    .await;
}
