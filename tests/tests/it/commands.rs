//! What a caller may ask of a record beside its bytes: an answer by event, another try, to be
//! forgotten.

use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::cdn::Fault;
use titan_tests::media::Kind;
use titan_tests::sink::Delivery;
use titan_tests::stage::{BUCKET, HOOK_KEY, Plan, Stage};
use titan_tests::wait::{SOON, eventually};

async fn on_demand() -> Stage {
    Plan::usual().await.on_demand().up().await
}

async fn persist_with(stage: &Stage, media: &str, prefer: &str) -> Reply {
    let path = Stage::path(&format!("media/{media}/persist"));
    let headers = [("prefer", prefer)];
    stage.api.call("POST", &path, &headers, b"").await
}

async fn retry(stage: &Stage, media: &str) -> Reply {
    let path = Stage::path(&format!("media/{media}/retry"));
    stage.api.post(&path).await
}

async fn forget(stage: &Stage, media: &str) -> Reply {
    let path = Stage::path(&format!("media/{media}"));
    stage.api.call("DELETE", &path, &[], b"").await
}

/// The `command.result` of a correlation id.
async fn result_of(stage: &Stage, reply: &Reply) -> Delivery {
    let id = reply.data()["correlationId"].clone();
    let what = format!("command.result of {id}");
    eventually(SOON, what, || async {
        stage.sink.deliveries().into_iter().find(|delivery| {
            delivery.event() == "command.result" && delivery.json["payload"]["correlationId"] == id
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn respond_async_is_answered_by_a_signed_event() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0ASYNC", baileys::file(&sealed, &path)).await;
    let reply = persist_with(&stage, &media, "respond-async")
        .await
        .expect(202);
    assert_eq!(reply.header("preference-applied"), Some("respond-async"));
    let id = reply.data()["correlationId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("cmd-"), "{id}");
    let told = result_of(&stage, &reply).await;
    assert!(told.signed_by(HOOK_KEY.as_bytes()));
    let payload = &told.json["payload"];
    assert_eq!(payload["success"], true);
    assert_eq!(payload["result"]["id"], media.as_str());
    assert_eq!(payload["result"]["persisted"], true);
    assert!(payload["result"]["s3Url"].is_string(), "{payload}");
    assert_eq!(payload["messageId"], "3EB0ASYNC");
    // Titan's own example has `data` in place of `payload`.
    assert_eq!(told.json["data"], *payload);
    assert_eq!(told.json["session"], "default");
    // Persisted already: each call has its own answer.
    let again = persist_with(&stage, &media, "respond-async")
        .await
        .expect(202);
    let second = result_of(&stage, &again).await;
    assert_ne!(second.id(), told.id());
    assert_eq!(second.json["payload"]["success"], true);
    assert_eq!(stage.bucket.uploads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn respond_async_tells_why_a_file_does_not_come() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.cdn.fail_always(&path, Fault::Status(404, ""));
    let media = stage.take("3EB0NEVER", baileys::file(&sealed, &path)).await;
    let reply = persist_with(&stage, &media, "respond-async")
        .await
        .expect(202);
    let told = result_of(&stage, &reply).await;
    let payload = &told.json["payload"];
    assert_eq!(payload["success"], false);
    assert_eq!(payload["result"]["code"], "media_expired");
    assert_eq!(payload["result"]["retryable"], false);
    // What is known to be wrong is said at once.
    let content = baileys::file_with(&sealed, &path, "mediaKey", json!("AAAA"));
    let faulty = stage.take("3EB0FAULTY", content).await;
    let refused = persist_with(&stage, &faulty, "respond-async").await;
    refused.refused(422, "media_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_bounds_a_persist_and_the_transfer_goes_on() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Video, 2_000_000);
    let slow = Fault::Trickle(100_000, Duration::from_millis(400));
    stage.cdn.fail(&path, [slow]);
    let media = stage.take("3EB0WAIT", baileys::file(&sealed, &path)).await;
    let waited = persist_with(&stage, &media, "wait=1").await.expect(202);
    assert_eq!(waited.data()["id"], media.as_str());
    let both = persist_with(&stage, &media, "respond-async, wait=0").await;
    let both = both.expect(202);
    assert!(both.data()["correlationId"].is_string());
    let joined = persist_with(&stage, &media, "wait=30").await.expect(200);
    assert_eq!(joined.data()["persisted"], true);
    result_of(&stage, &both).await;
    assert_eq!(
        stage.bucket.uploads().len(),
        1,
        "one transfer for all callers"
    );
    let known = persist_with(&stage, &media, "respond-async, wait=5").await;
    assert_eq!(known.expect(200).data()["persisted"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_survives_kill_9() {
    let mut stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.bucket.set_mode(Mode::Down);
    let media = stage.take("3EB0KILL", baileys::file(&sealed, &path)).await;
    let reply = persist_with(&stage, &media, "respond-async")
        .await
        .expect(202);
    stage.sidecar.kill();
    stage.bucket.set_mode(Mode::Up);
    stage.sidecar.start().await;
    let told = result_of(&stage, &reply).await;
    assert_eq!(told.json["payload"]["success"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_file_is_tried_again_when_somebody_says_so() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.cdn.fail_always(&path, Fault::Status(404, ""));
    let media = stage.take("3EB0RETRY", baileys::file(&sealed, &path)).await;
    stage.persist(&media).await.refused(410, "media_expired");
    // Final is final for persist; a retry asks anew.
    stage.cdn.heal(&path);
    stage.persist(&media).await.refused(410, "media_expired");
    let queued = retry(&stage, &media).await.expect(202).data();
    assert_eq!(queued["id"], media.as_str());
    stage.reaches(&media, "stored").await;
    let again = retry(&stage, &media).await.expect(200).data();
    assert_eq!(again["status"], "stored");
    assert_eq!(stage.bucket.uploads().len(), 1);
    stage.sink.wait_for("media.failed", "3EB0RETRY", SOON).await;
    stage
        .sink
        .wait_for("media.persisted", "3EB0RETRY", SOON)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_failed_is_tried_again_at_once() {
    let stage = on_demand().await;
    let mut files = Vec::new();
    for index in 0..5 {
        let (sealed, path) = stage.file(Kind::Audio, 500);
        stage.cdn.fail_always(&path, Fault::Status(410, ""));
        let id = format!("3EB0ALL{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        stage.persist(&media).await.refused(410, "media_expired");
        files.push((media, path));
    }
    let (sealed, path) = stage.file(Kind::Audio, 500);
    let content = baileys::file_with(&sealed, &path, "mediaKey", json!("AAAA"));
    let faulty = stage.take("3EB0ALLBAD", content).await;
    for (_, path) in &files {
        stage.cdn.heal(path);
    }
    let retry = async |query: &str| -> Value {
        let path = Stage::path(&format!("media/retry{query}"));
        stage.api.post(&path).await.expect(200).data()
    };
    assert_eq!(retry("?since=2199-01-01T00:00:00Z").await["queued"], 0);
    assert_eq!(retry("?status=waiting").await["queued"], 0);
    let all = retry("?status=failed&since=2020-01-01T00:00:00Z").await;
    assert_eq!(all["queued"], 5);
    for (media, _) in &files {
        stage.reaches(media, "stored").await;
    }
    assert_eq!(retry("").await["queued"], 0);
    assert_eq!(stage.info(&faulty).await["error"]["code"], "media_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_record_is_gone_and_its_object_stays() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let message = baileys::one("3EB0FORGET", baileys::file(&sealed, &path));
    let media = stage
        .take("3EB0FORGET", baileys::file(&sealed, &path))
        .await;
    stage.persist(&media).await.expect(200);
    let key = stage.info(&media).await["key"].clone();
    let forgotten = forget(&stage, &media).await.expect(200).data();
    assert_eq!(forgotten["key"], key);
    assert_eq!(forgotten["bucket"], BUCKET);
    assert_eq!(forgotten["messageId"], "3EB0FORGET");
    let object = stage.bucket.object(BUCKET, key.as_str().unwrap());
    assert_eq!(object.unwrap().sha256, sealed.sha256);
    let gone = |reply: Reply| reply.refused(404, "media_not_found");
    gone(forget(&stage, &media).await);
    gone(stage.download(&media).await);
    gone(stage.persist(&media).await);
    gone(retry(&stage, &media).await);
    gone(stage.api.get(&Stage::path(&format!("media/{media}"))).await);
    // A redelivery changes nothing.
    let again = stage.inbound(&message).await.expect(202).data();
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(1))
    );
    gone(stage.download(&media).await);
    // A record that nobody saved has no key to return.
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage
        .take("3EB0FORGET2", baileys::file(&sealed, &path))
        .await;
    let forgotten = forget(&stage, &media).await.expect(200).data();
    assert!(forgotten.get("key").is_none(), "{forgotten}");
}

#[tokio::test(flavor = "multi_thread")]
async fn held_event_goes_out_when_its_file_is_forgotten() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.cdn.fail_always(&path, Fault::Stall(10));
    let media = stage.take("3EB0HELD", baileys::file(&sealed, &path)).await;
    forget(&stage, &media).await.expect(200);
    let told = stage
        .sink
        .wait_for("message.received", "3EB0HELD", SOON)
        .await;
    assert!(told.json["payload"].get("mediaUrl").is_none());
}
