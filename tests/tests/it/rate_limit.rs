//! `spec.rateLimit`: a bucket of requests for each key; gateways are never turned away.

use std::time::{Duration, Instant};

use serde_json::json;
use titan_tests::baileys;
use titan_tests::manifests::Document;
use titan_tests::stage::{INBOUND_KEY, Plan, SESSION, Stage, TENANT};
use titan_tests::wait::{SOON, until};

const OTHER_KEY: &str = "titan_test_other_0123456789abcdefghi";

async fn limited(requests: u32, per: &str) -> Stage {
    let mut plan = Plan::usual()
        .await
        .spec("rateLimit", json!({"requests": requests, "per": per}));
    let keys = [("key", titan_tests::stage::API_KEY), ("other", OTHER_KEY)];
    plan.more.push(Document::secret(TENANT, "acme-keys", &keys));
    plan.up().await
}

fn session() -> String {
    format!("/api/sessions/{SESSION}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_counts_down_and_the_next_is_429_with_the_time_to_wait() {
    let stage = limited(3, "1h").await;
    for left in ["2", "1", "0"] {
        let reply = stage.api.get(&session()).await.expect(200);
        assert_eq!(reply.header("x-ratelimit-limit"), Some("3"));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some(left));
    }
    let reply = stage.api.get(&session()).await;
    reply.refused(429, "rate_limited");
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1100..=1200).contains(&wait), "{wait}");
    // Every route counts, errors too; nothing is done beyond the limit.
    let none = Stage::path("media/0123456789abcdef0123456789abcdef/persist");
    stage.api.post(&none).await.refused(429, "rate_limited");
    stage
        .api
        .get("/api/sessions")
        .await
        .refused(429, "rate_limited");
    // Another key has requests of its own, a stranger none to lose.
    let other = stage.api.with_key(OTHER_KEY);
    let reply = other.get(&Stage::path("media/none")).await;
    reply.refused(404, "media_not_found");
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("2"));
    let stranger = stage.api.with_key("titan_test_nobody_0123456789abcdefghij");
    for _ in 0..5 {
        let reply = stranger.get(&session()).await;
        reply.refused(401, "unauthorized");
        assert_eq!(reply.header("x-ratelimit-limit"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_taken_whatever_the_limit_says() {
    let stage = limited(1, "1h").await;
    stage.api.get(&session()).await.expect(200);
    stage.api.get(&session()).await.refused(429, "rate_limited");
    for (index, key) in [titan_tests::stage::API_KEY, INBOUND_KEY]
        .iter()
        .enumerate()
    {
        let message = baileys::one(&format!("3EB0LIMIT{index}"), baileys::text("x"));
        let api = stage.api.with_key(key);
        let path = Stage::path("inbound");
        let reply = api.post_json(&path, &message).await.expect(202);
        assert_eq!(reply.header("x-ratelimit-limit"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_told_is_enough_and_a_changed_limit_is_in_force_at_once() {
    let stage = limited(1, "2s").await;
    stage.api.get(&session()).await.expect(200);
    let (reply, since) = (stage.api.get(&session()).await, Instant::now());
    reply.refused(429, "rate_limited");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    until(SOON, "the bucket fills again", || async {
        stage.api.get(&session()).await.status == 200
    })
    .await;
    assert!(since.elapsed() <= Duration::from_secs(wait + 2));
    let without = stage.session.clone().spec("rateLimit", json!(null));
    stage.apply(&[without]);
    until(SOON, "nothing is limited any more", || async {
        let reply = stage.api.get(&session()).await;
        reply.status == 200 && reply.header("x-ratelimit-limit").is_none()
    })
    .await;
    stage.api.get(&session()).await.expect(200);
}
