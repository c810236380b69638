//! Keys that end: temporary ones of MinIO's token service, in a Secret that is mounted and renewed
//! under the running process.

use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::cdn::Fault;
use titan_tests::media::Kind;
use titan_tests::minio::least;
use titan_tests::mount::Mount;
use titan_tests::oidc::Issuer;
use titan_tests::s3::{S3, presigned_life};
use titan_tests::stage::{BUCKET, Plan};
use titan_tests::sts::Temporary;
use titan_tests::wait::{SOON, eventually, until};

/// How long the short-lived keys live: longer than it takes until they are in use.
const SHORT: Duration = Duration::from_secs(8);

/// MinIO with a user of few rights, whose token service takes the tokens of an issuer for those rights.
async fn server() -> (S3, Issuer) {
    let mut s3 = S3::minio(BUCKET, &[]).await;
    s3.user(&least(BUCKET, ""));
    let issuer = Issuer::start().await;
    s3.trust(&issuer, "titan-media").await;
    (s3, issuer)
}

/// A plan whose bucket keys are mounted.
async fn on(s3: &S3) -> (Plan, Mount) {
    let mut plan = Plan::usual().await;
    plan.storage = plan
        .storage
        .spec("endpoint", s3.url())
        .spec("credentials", json!({"secretRef": {"name": "acme-sts"}}));
    let secrets = plan.launch.folder.path().join("secrets");
    let mount = Mount::new(secrets.join("acme-sts"));
    let flag = ["--secrets".to_owned(), secrets.display().to_string()];
    plan.launch.args.extend(flag);
    (plan, mount)
}

async fn ended(keys: &Temporary) {
    until(SOON, "the keys end", || async { keys.have_expired() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfer_under_way_and_the_next_one_use_the_renewed_keys() {
    let (s3, issuer) = server().await;
    let (plan, mount) = on(&s3).await;
    mount.write(&s3.assume_role().await.secret());
    let stage = plan.up().await;
    stage.bucket_is("Ready").await;
    let first = s3.with_web_identity(&issuer, SHORT).await;
    mount.write(&first.secret());
    // A small file is signed for once it is whole and verified: after the first keys have ended.
    let (small, path) = stage.file(Kind::Image, 100_000);
    let pieces = Fault::Trickle(3500, Duration::from_millis(500));
    stage.cdn.fail(&path, [pieces]);
    let media = stage.take("3EB0SMALL", baileys::file(&small, &path)).await;
    // A large one is signed for at its beginning, before they end, and ends after.
    let (large, large_path) = stage.file(Kind::Video, 3_000_000);
    let pieces = Fault::Trickle(150_000, Duration::from_millis(500));
    stage.cdn.fail(&large_path, [pieces]);
    let other = stage
        .take("3EB0LARGE", baileys::file(&large, &large_path))
        .await;
    ended(&first).await;
    assert_eq!(stage.info(&media).await["status"], "running");
    mount.write(&s3.assume_role().await.secret());
    stage.stored(&media).await;
    stage.stored(&other).await;
    // Neither was begun again.
    assert_eq!(stage.cdn.hits(&path).len(), 1);
    assert_eq!(stage.cdn.hits(&large_path).len(), 1);
    let (next, path) = stage.file(Kind::Image, 5000);
    let media = stage.take("3EB0NEXT", baileys::file(&next, &path)).await;
    stage.stored(&media).await;
    for (id, plain) in [("3EB0SMALL", &small.plain), ("3EB0LARGE", &large.plain)] {
        let event = stage.sink.wait_for("message.received", id, SOON).await;
        let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
        assert!(Api::fetch(url, &[]).await.expect(200).body == *plain);
    }
    assert_eq!(stage.bucket_is("Ready").await["put"], true);
    assert!(!stage.sidecar.log_text().contains("bucket is down"));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_keys_are_told_messages_wait_and_nothing_is_lost() {
    let (s3, issuer) = server().await;
    let (plan, mount) = on(&s3).await;
    mount.write(&s3.assume_role().await.secret());
    let stage = plan.up().await;
    stage.bucket_is("Ready").await;
    let first = s3.with_web_identity(&issuer, SHORT).await;
    mount.write(&first.secret());
    ended(&first).await;
    let mut sent = Vec::new();
    for index in 0..6 {
        // Small ones get their answer, large ones a closed connection.
        let length = if index % 2 == 0 { 5000 } else { 3_000_000 };
        let (sealed, path) = stage.file(Kind::Image, length);
        let id = format!("3EB0ENDED{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        sent.push((id, media, sealed));
    }
    let verdict = stage.bucket_is("CredentialsExpired").await;
    assert_eq!(verdict["credentials"], false, "{verdict}");
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("expired"), "{message}");
    for (id, media, _) in &sent {
        let info = stage.reaches(media, "waiting").await;
        assert_eq!(info["error"]["retryable"], true, "{info}");
        // Told at once: a bucket that is down holds nothing up.
        stage.sink.wait_for("message.received", id, SOON).await;
    }
    mount.write(&s3.assume_role().await.secret());
    for (id, media, sealed) in &sent {
        stage.stored(media).await;
        let event = stage.sink.wait_for("media.persisted", id, SOON).await;
        let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
        assert!(Api::fetch(url, &[]).await.expect(200).body == sealed.plain);
    }
    stage.bucket_is("Ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_that_the_secret_names_bounds_urls_and_is_told_without_a_request() {
    let (s3, issuer) = server().await;
    let (plan, mount) = on(&s3).await;
    let with_end = |keys: &Temporary, end: &str| {
        let end = [("expiration", end)];
        mount.write(&[&keys.secret()[..], &end].concat());
    };
    let keys = s3.assume_role().await;
    with_end(&keys, &keys.expiration);
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 5000);
    let media = stage.take("3EB0BOUND", baileys::file(&sealed, &path)).await;
    stage.stored(&media).await;
    let first = s3.with_web_identity(&issuer, SHORT).await;
    with_end(&first, &first.expiration);
    until(SOON, "URLs end with the keys", || async {
        let info = stage.info(&media).await;
        let life = info["s3Url"].as_str().and_then(presigned_life);
        life.is_some_and(|seconds| (1..=SHORT.as_secs()).contains(&seconds))
    })
    .await;
    // No message comes: the end alone is enough.
    stage.bucket_is("CredentialsExpired").await;
    assert!(first.have_expired());
    assert_eq!(stage.info(&media).await["s3Url"], Value::Null);
    let second = s3.assume_role().await;
    with_end(&second, &second.expiration);
    stage.bucket_is("Ready").await;
    let info = stage.info(&media).await;
    let url = info["s3Url"].as_str().unwrap();
    assert!(Api::fetch(url, &[]).await.expect(200).body == sealed.plain);
    with_end(&second, "tomorrow");
    let error = eventually(SOON, "the Secret is refused", || async {
        let mut status = stage.status().await;
        status["configError"].take().as_str().map(str::to_owned)
    })
    .await;
    assert!(error.contains("\"expiration\""), "{error}");
    stage.bucket_is("Ready").await;
}
