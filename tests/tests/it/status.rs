//! `/status` of the admin port: what the operator makes its conditions of.

use serde_json::json;
use titan_tests::baileys;
use titan_tests::manifests::Document;
use titan_tests::s3::{ACCESS_KEY, Program, S3, SECRET_KEY};
use titan_tests::sink::Answer;
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};
use titan_tests::wait::{LATER, SOON, until};

async fn on(s3: &S3) -> Plan {
    let mut plan = Plan::usual().await;
    plan.storage = plan.storage.spec("endpoint", s3.url());
    plan
}

fn keys(secret: &str) -> Document {
    let values = [("accessKeyId", ACCESS_KEY), ("secretAccessKey", secret)];
    Document::secret(TENANT, "acme-s3", &values)
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_traffic_tells_what_is_loaded_and_that_its_bucket_is_ready() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let mut plan = on(&s3).await;
    plan.session = plan
        .session
        .with("/metadata", "uid", "11111111-2222-3333-4444-555555555555")
        .with("/metadata", "generation", 7);
    plan.storage = plan.storage.with("/metadata", "generation", 3);
    let stage = plan.up().await;
    let bucket = stage.bucket_is("Ready").await;
    for fact in ["reachable", "credentials", "put", "get", "checksumEnforced"] {
        assert_eq!(bucket[fact], true, "{fact}: {bucket}");
    }
    assert!(bucket["latencyMs"].is_u64() && bucket["checkedAt"].is_string());
    assert_eq!(bucket["bucket"], BUCKET);
    assert_eq!(bucket["endpoint"], s3.url());
    assert_eq!(bucket["region"], "us-east-1");
    assert_eq!(s3.keys_on_disk().len(), 0, "but for the check's own object");
    let report = stage.report().await;
    assert_eq!(report["uid"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(
        (&report["generation"], &report["storageGeneration"]),
        (&json!(7), &json!(3))
    );
    assert_eq!(
        (&report["object"], &report["namespace"]),
        (&json!("default"), &json!(TENANT))
    );
    assert_eq!(report["store"], "open");
    assert_eq!(report["missing"], json!([]));
    let status = stage.status().await;
    assert_eq!(status["ready"], true);
    assert!(status["version"].is_string() && status.get("configError").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_traffic_tells_wrong_keys_and_a_rotation_that_mends_them() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let mut plan = on(&s3).await;
    plan.more.push(keys("wrong-wrong-wrong"));
    let stage = plan.up().await;
    let bucket = stage.bucket_is("InvalidCredentials").await;
    assert_eq!(bucket["credentials"], false, "{bucket}");
    assert!(bucket["code"].is_string(), "{bucket}");
    stage.sidecar.admin().get("/readyz").await.expect(200);
    stage.apply(&[keys(SECRET_KEY)]);
    stage.bucket_is("Ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_comes_back_is_noticed_without_traffic() {
    let mut s3 = S3::start(Program::Versitygw, BUCKET).await;
    let plan = on(&s3).await;
    s3.stop();
    let stage = plan.up().await;
    stage.bucket_is("ConnectFailed").await;
    s3.restart().await;
    until(LATER, "the bucket is back", || async {
        stage.report().await["bucket"]["reason"] == "Ready"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_fails_under_a_transfer_is_told_with_its_reason() {
    let mut s3 = S3::start(Program::Versitygw, BUCKET).await;
    let stage = on(&s3).await.up().await;
    stage.bucket_is("Ready").await;
    s3.stop();
    let (sealed, path) = stage.file(titan_tests::media::Kind::Image, 3000);
    stage.take("3EB0FAILS", baileys::file(&sealed, &path)).await;
    stage.bucket_is("ConnectFailed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_storage_says_so() {
    let mut plan = Plan::usual().await;
    plan.session = plan.session.spec("storageRef", serde_json::Value::Null);
    plan.up().await.bucket_is("StorageNotConfigured").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_is_gone_is_told_by_its_field() {
    let stage = Stage::up().await;
    assert_eq!(stage.report().await["webhooks"], json!([]));
    stage.sink.answer_always(Some(Answer::Status(410)));
    stage.take("3EB0GONE", baileys::text("x")).await;
    until(SOON, "the webhook is told", || async {
        let webhooks = stage.report().await["webhooks"].take();
        webhooks[0]["field"] == "spec.webhooks[0]" && webhooks[0]["reason"] == "WebhookFailing"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_edit_is_told_until_a_good_one_comes() {
    let stage = Stage::up().await;
    let broken = stage.session.clone().spec("autoPersist", "yes please");
    stage.apply(&[broken]);
    until(SOON, "the refusal is told", || async {
        let status = stage.status().await;
        let error = status["configError"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        error.contains("autoPersist") && status["ready"] == true
    })
    .await;
    stage.apply(std::slice::from_ref(&stage.session));
    until(SOON, "the refusal is past", || async {
        stage.status().await.get("configError").is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_session_is_told_too() {
    let stage = Stage::up().await;
    stage.apply(&[stage.session.clone().spec("suspend", true)]);
    until(SOON, "the session is suspended", || async {
        let report = stage.report().await;
        report["store"] == "Suspended" && report["object"] == "default"
    })
    .await;
}
