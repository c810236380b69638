//! In a pod: what vanishes from under a working sidecar stays in use, what changes takes effect, and no
//! configuration ends the process.

use std::fs;

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::netns;
use titan_tests::s3::{ACCESS_KEY, S3, SECRET_KEY};
use titan_tests::sidecar::Launch;
use titan_tests::stage::{API_KEY, BUCKET, INBOUND_KEY, Plan, Stage, TENANT};
use titan_tests::wait::{SOON, until};

const OTHER_KEY: &str = "titan_test_other_0123456789abcdefghi";

/// The usual plan as the operator starts it. Its webhook would be on loopback, which a pod refuses.
async fn in_pod() -> Plan {
    let mut plan = Plan::usual().await.spec("webhooks", json!([]));
    plan.launch.args.push("--in-pod".into());
    plan
}

fn keys(name: &str, key: &str) -> Document {
    Document::secret(TENANT, name, &[("key", key)])
}

fn bucket_keys(secret: &str) -> Document {
    let values = [("accessKeyId", ACCESS_KEY), ("secretAccessKey", secret)];
    Document::secret(TENANT, "acme-s3", &values)
}

async fn saves(stage: &Stage, s3: &S3, id: &str) {
    let (sealed, path) = stage.file(Kind::Image, 20_000);
    let media = stage.take(id, baileys::file(&sealed, &path)).await;
    let info = stage.reaches(&media, "stored").await;
    let key = info["key"].as_str().unwrap();
    assert!(s3.on_disk(key).unwrap() == sealed.plain, "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_keys_of_a_secret_that_vanishes_go_on_and_those_of_a_changed_one_do_not() {
    let stage = in_pod().await.up().await;
    stage.delete(&keys("acme-keys", ""));
    stage.delete(&keys("acme-inbound", ""));
    let field = "spec.auth.apiKeysSecretRef";
    let problem = stage.misses(field, "SecretNotFound").await;
    assert_eq!(problem["secret"], "acme-keys", "{problem}");
    stage
        .misses("spec.auth.inboundKeysSecretRef", "SecretNotFound")
        .await;
    stage.api.get("/api/sessions/default").await.expect(200);
    let gateway = stage.api.with_key(INBOUND_KEY);
    let message = baileys::one("3EB0INBOUND", baileys::text("x"));
    gateway
        .post_json(&Stage::path("inbound"), &message)
        .await
        .expect(202);
    // Another value replaces at once.
    stage.apply(&[keys("acme-keys", OTHER_KEY)]);
    let other = stage.api.with_key(OTHER_KEY);
    until(SOON, "the new key opens", || async {
        other.get("/api/sessions/default").await.status == 200
    })
    .await;
    assert_eq!(stage.api.get("/api/sessions/default").await.status, 401);
    let missing = stage.report().await["missing"].to_string();
    assert!(!missing.contains(field), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_that_starts_without_its_secrets_takes_them_up_when_they_come() {
    let mut plan = in_pod().await;
    let secrets = plan.launch.folder.path().join("secrets");
    // What the kubelet mounts for an optional Secret that is not there.
    fs::create_dir_all(secrets.join("late-keys")).unwrap();
    plan.session = plan
        .session
        .spec("auth", json!({"apiKeysSecretRef": {"name": "late-keys"}}));
    plan.launch
        .args
        .extend(["--secrets".into(), secrets.display().to_string()]);
    let stage = plan.up().await;
    stage
        .misses("spec.auth.apiKeysSecretRef", "SecretNotFound")
        .await;
    assert_eq!(stage.api.get("/api/sessions/default").await.status, 401);
    fs::write(secrets.join("late-keys/key"), API_KEY).unwrap();
    until(SOON, "the key opens", || async {
        stage.api.get("/api/sessions/default").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_saved_on_after_credentials_and_storage_have_vanished() {
    if !netns::inside("fail_static::files_are_saved_on_after_credentials_and_storage_have_vanished")
    {
        return;
    }
    let s3 = S3::start_at(netns::ADDRESS, BUCKET).await;
    let mut plan = in_pod().await;
    plan.storage = plan.storage.spec("endpoint", s3.url());
    let stage = plan.up().await;
    stage.bucket_is("Ready").await;
    saves(&stage, &s3, "3EB0BEFORE").await;

    stage.delete(&bucket_keys(""));
    let problem = stage.misses("spec.storageRef", "SecretNotFound").await;
    assert_eq!(problem["secret"], "acme-s3", "{problem}");
    saves(&stage, &s3, "3EB0NOSECRET").await;
    stage.delete(&stage.storage);
    stage.misses("spec.storageRef", "StorageNotFound").await;
    saves(&stage, &s3, "3EB0NOSTORAGE").await;
    assert_eq!(stage.report().await["bucket"]["reason"], "Ready");

    // What changes takes effect at once: a wrong key stops it, the right one heals it.
    stage.apply(&[stage.storage.clone(), bucket_keys("wrong-wrong-wrong")]);
    stage.bucket_is("InvalidCredentials").await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0WRONG", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "waiting").await;
    stage.apply(&[bucket_keys(SECRET_KEY)]);
    stage.bucket_is("Ready").await;
    stage.reaches(&media, "stored").await;
    assert_eq!(stage.report().await["missing"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_its_storage_takes_messages_and_saves_them_when_it_comes() {
    if !netns::inside(
        "fail_static::session_without_its_storage_takes_messages_and_saves_them_when_it_comes",
    ) {
        return;
    }
    let s3 = S3::start_at(netns::ADDRESS, BUCKET).await;
    let mut plan = in_pod().await;
    plan.storage = plan.storage.spec("endpoint", s3.url());
    let storage = plan.storage.clone();
    plan.storage = keys("in-its-place", "nothing");
    let stage = plan.up().await;
    stage.misses("spec.storageRef", "StorageNotFound").await;
    stage.bucket_is("StorageNotFound").await;
    stage.sidecar.admin().get("/readyz").await.expect(200);
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0EARLY", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "waiting").await;
    stage.apply(&[storage]);
    stage.reaches(&media, "stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bucket_than_the_recorded_one_is_refused_and_records_wait() {
    let mut plan = in_pod().await;
    let recorded = json!({"titan.media/bucket": "the-first-bucket"});
    plan.storage = plan.storage.with("/metadata", "annotations", recorded);
    let stage = plan.up().await;
    stage.bucket_is("BucketChanged").await;
    stage.misses("spec.storageRef", "BucketChanged").await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0OTHER", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "waiting").await;
    assert_eq!(stage.bucket.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn process_without_a_configuration_stays_up_and_takes_one_when_it_comes() {
    for content in [None, Some("kind: [unclosed"), Some("")] {
        let mut launch = Launch::new();
        launch.args.push("--in-pod".into());
        let folder = launch.manifests();
        match content {
            None => fs::remove_dir(&folder).unwrap(),
            Some(text) => fs::write(folder.join("session.yaml"), text).unwrap(),
        }
        let mut sidecar = launch.spawn();
        let admin = sidecar.admin();
        until(SOON, "the error is told", || async {
            let status = admin.try_call("GET", "/status", &[], b"").await;
            status.is_ok_and(|reply| {
                let status = reply.json();
                status["ready"] == false && status["configError"].is_string()
            })
        })
        .await;
        admin.get("/livez").await.expect(200);
        admin.get("/readyz").await.expect(503);
        fs::create_dir_all(&folder).unwrap();
        let _none = fs::remove_file(folder.join("session.yaml"));
        let session = Document::session(TENANT, "default", "acme-keys");
        manifests::write(&folder, &[session, keys("acme-keys", API_KEY)]).unwrap();
        sidecar.wait_ready().await;
        let api = Api::new(&sidecar.url()).with_key(API_KEY);
        api.get("/api/sessions/default").await.expect(200);
        assert!(
            admin
                .get("/status")
                .await
                .json()
                .get("configError")
                .is_none()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_lose_their_session_keep_it_running() {
    let stage = in_pod().await.up().await;
    stage.delete(&stage.session);
    until(SOON, "the error is told", || async {
        stage.status().await["configError"].is_string()
    })
    .await;
    stage.api.get("/api/sessions/default").await.expect(200);
    stage.sidecar.admin().get("/readyz").await.expect(200);
}
