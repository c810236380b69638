//! `credentials.identity`: the token of a service account, exchanged for keys at MinIO's token service,
//! which verifies it against the issuer's published key.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::minio::least;
use titan_tests::oidc::{Issuer, SUBJECT};
use titan_tests::s3::{S3, presigned_life};
use titan_tests::sidecar::{run, text_of};
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};
use titan_tests::sts::ROLE;
use titan_tests::wait::{LATER, SOON, eventually, until};

/// What the policy of the role speaks of.
const PREFIX: &str = "whatsapp/";

/// Long enough to start with, and short enough to wait for half of it.
const SHORT: Duration = Duration::from_secs(20);

/// As long as a token of the kubelet lives.
const LONG: Duration = Duration::from_hours(1);

/// MinIO that takes the tokens of an issuer, and gives one subject two rights below the prefix.
async fn server() -> (S3, Issuer) {
    let mut s3 = S3::minio(BUCKET, &[]).await;
    let mut policy = least(BUCKET, PREFIX);
    policy["Statement"][0]["Condition"] = json!({"StringEquals": {"jwt:sub": SUBJECT}});
    s3.policy("titan-media", &policy);
    let issuer = Issuer::start().await;
    s3.trust(&issuer, "titan-media").await;
    (s3, issuer)
}

fn storage(s3: &S3) -> Document {
    let identity = json!({
        "serviceAccountName": "media", "audience": "minio",
        "roleArn": ROLE, "stsEndpoint": s3.url(),
    });
    Document::storage(TENANT, "acme", &s3.url(), BUCKET, "none")
        .spec("prefix", PREFIX)
        .spec("credentials", json!({"identity": identity}))
}

/// A plan whose process is told where its token is.
async fn on(s3: &S3) -> (Plan, PathBuf) {
    let mut plan = Plan::usual().await;
    plan.storage = storage(s3);
    let token = plan.launch.folder.path().join("token");
    let flag = [
        "--web-identity-token-file".to_owned(),
        token.display().to_string(),
    ];
    plan.launch.args.extend(flag);
    (plan, token)
}

async fn saved(stage: &Stage, id: &str) -> Value {
    let (sealed, path) = stage.file(Kind::Image, 50_000);
    let media = stage.take(id, baileys::file(&sealed, &path)).await;
    let info = stage.stored(&media).await;
    let url = info["s3Url"].as_str().unwrap();
    assert!(Api::fetch(url, &[]).await.expect(200).body == sealed.plain);
    stage.cdn.remove(&path);
    assert!(stage.download(&media).await.expect(200).body == sealed.plain);
    info
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_a_service_account_opens_the_bucket_without_a_secret() {
    let (s3, issuer) = server().await;
    let (mut plan, token) = on(&s3).await;
    plan.launch.under = vec!["env".into(), "RUST_LOG=trace".into()];
    let secret = issuer.token(LONG);
    fs::write(&token, secret.clone() + "\n").unwrap();
    let stage = plan.up().await;
    let verdict = stage.bucket_is("Ready").await;
    for fact in ["reachable", "credentials", "put", "get", "checksumEnforced"] {
        assert_eq!(verdict[fact], true, "{fact}: {verdict}");
    }
    saved(&stage, "3EB0IDENTITY").await;
    assert_eq!(stage.report().await["unsupported"], json!([]));
    assert_eq!(stage.report().await["missing"], json!([]));
    // At no level of the log: neither what was handed in nor what came back.
    let log = stage.sidecar.log_text();
    assert!(!secret.split('.').any(|part| log.contains(part)));
    assert!(!log.contains("SecretAccessKey") && !log.contains("SessionToken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_identity_are_renewed_before_they_end_and_urls_end_with_them() {
    let (s3, issuer) = server().await;
    let (plan, token) = on(&s3).await;
    // MinIO's keys live as long as the token.
    fs::write(&token, issuer.token(SHORT)).unwrap();
    let stage = plan.up().await;
    let first = saved(&stage, "3EB0FIRST").await;
    assert!((1..=SHORT.as_secs()).contains(&life(&first)), "{first}");
    // As the kubelet does it, well before the end.
    fs::write(&token, issuer.token(LONG)).unwrap();
    let media = first["id"].as_str().unwrap();
    until(SOON, "the keys are renewed", || async {
        life(&stage.info(media).await) > SHORT.as_secs()
    })
    .await;
    saved(&stage, "3EB0RENEWED").await;
    assert!(!stage.sidecar.log_text().contains("bucket is down"));
}

/// Seconds that the presigned URL of a file lives.
fn life(info: &Value) -> u64 {
    presigned_life(info["s3Url"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_is_missing_expired_or_a_strangers_is_told_and_messages_wait() {
    let (s3, issuer) = server().await;
    let stranger = Issuer::start().await;
    let (plan, token) = on(&s3).await;
    let stage = plan.up().await;
    let verdict = stage.bucket_is("IdentityRefused").await;
    let path = token.display().to_string();
    assert!(verdict["message"].to_string().contains(&path), "{verdict}");
    assert_eq!(verdict["credentials"], false, "{verdict}");
    let (sealed, file) = stage.file(Kind::Image, 5000);
    let media = stage.take("3EB0WAITS", baileys::file(&sealed, &file)).await;
    let info = stage.reaches(&media, "waiting").await;
    assert_eq!(info["error"]["retryable"], true, "{info}");
    for refused in [stranger.token(LONG), issuer.token(Duration::ZERO)] {
        let logged = stage.sidecar.log_text().len();
        fs::write(&token, &refused).unwrap();
        let told = eventually(LATER, "the service refuses the token", || async {
            let log = stage.sidecar.log_text().split_off(logged);
            log.contains("the token service answered 400")
                .then_some(log)
        })
        .await;
        assert!(
            !refused.split('.').any(|part| told.contains(part)),
            "{told}"
        );
    }
    stage.bucket_is("IdentityRefused").await;
    fs::write(&token, issuer.token(LONG)).unwrap();
    stage.stored(&media).await;
    stage.bucket_is("Ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_exchanges_the_token_too_and_standalone_the_lack_of_one_is_an_error() {
    let (s3, issuer) = server().await;
    let folder = tempfile::TempDir::new().unwrap();
    let token = folder.path().join("token");
    let documents = folder.path().join("manifests");
    fs::create_dir(&documents).unwrap();
    manifests::write(&documents, &[storage(&s3)]).unwrap();
    let documents = documents.display().to_string();
    let mut args = vec!["probe", "--manifests", &documents, "--storage", "acme/acme"];
    args.extend(["--allow-cidr", "127.0.0.0/8"]);
    let verdict = |args: &[&str]| {
        let output = run(args);
        assert!(output.status.success(), "{}", text_of(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let without = verdict(&args);
    assert_eq!(without["reason"], "IdentityRefused", "{without}");
    let told = without["message"].to_string();
    assert!(told.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{told}");
    let token = token.display().to_string();
    args.extend(["--web-identity-token-file", &token]);
    let other = issuer.token_of("system:serviceaccount:globex:media", LONG);
    fs::write(&token, other).unwrap();
    let denied = verdict(&args);
    assert_eq!(denied["reason"], "AccessDenied", "{denied}");
    fs::write(&token, issuer.token(LONG)).unwrap();
    let with = verdict(&args);
    assert_eq!(with["reason"], "Ready", "{with}");

    let mut plan = Plan::usual().await;
    plan.storage = storage(&s3);
    plan.refused(&["AWS_WEB_IDENTITY_TOKEN_FILE"]);
}
