//! `titan-sidecar probe`: every reason that a bucket can give, against a real server where one can give
//! it, and what a check leaves behind.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use titan_tests::bucket::{Bucket, Mode};
use titan_tests::manifests::{self, Document};
use titan_tests::s3::{ACCESS_KEY, Program, S3, SECRET_KEY};
use titan_tests::sidecar::{free_port, run, text_of};
use titan_tests::stage::{BUCKET, TENANT};

/// The object that a check leaves.
const PROBE: &str = "wa/.titan-media-probe";

/// A storage, its Secret, and the flags of one check.
struct Check {
    folder: TempDir,
    storage: Document,
    secret: Option<Document>,
    flags: Vec<String>,
}

// === impl Check ===

impl Check {
    fn of(endpoint: &str) -> Self {
        let keys = [("accessKeyId", ACCESS_KEY), ("secretAccessKey", SECRET_KEY)];
        Self {
            folder: TempDir::new().unwrap(),
            storage: Document::storage(TENANT, "acme", endpoint, BUCKET, "acme-s3")
                .spec("prefix", "wa/"),
            secret: Some(Document::secret(TENANT, "acme-s3", &keys)),
            flags: vec!["--allow-cidr".into(), "127.0.0.0/8".into()],
        }
    }

    fn spec(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.storage = self.storage.spec(path, value);
        self
    }

    fn keys(mut self, keys: &[(&str, &str)]) -> Self {
        self.secret = Some(Document::secret(TENANT, "acme-s3", keys));
        self
    }

    fn output(&self) -> Output {
        let manifests = self.folder.path().join("manifests");
        fs::create_dir_all(&manifests).unwrap();
        let mut documents = vec![self.storage.clone()];
        documents.extend(self.secret.clone());
        manifests::write(&manifests, &documents).unwrap();
        let manifests = manifests.display().to_string();
        let mut args = vec!["probe", "--manifests", &manifests];
        args.extend(["--storage", "acme/acme"]);
        args.extend(self.flags.iter().map(String::as_str));
        run(&args)
    }

    /// The verdict; the program has to end with 0 and say nothing else.
    fn verdict(&self) -> Value {
        let output = self.output();
        assert!(output.status.success(), "{}", text_of(&output));
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(verdict["checkedAt"].is_string(), "{verdict}");
        let text = text_of(&output);
        assert!(!text.contains(SECRET_KEY), "{text}");
        verdict
    }

    fn reason(&self) -> String {
        let verdict = self.verdict();
        assert!(
            verdict["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{verdict}"
        );
        verdict["reason"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn good_bucket_is_ready_and_keeps_one_object_that_later_checks_only_read() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let check = Check::of(&s3.url());
    let verdict = check.verdict();
    assert_eq!(verdict["reason"], "Ready", "{verdict}");
    for fact in ["reachable", "credentials", "put", "get", "checksumEnforced"] {
        assert_eq!(verdict[fact], true, "{fact}: {verdict}");
    }
    assert!(verdict["latencyMs"].is_u64(), "{verdict}");
    assert_eq!(verdict["bucket"], BUCKET);
    assert_eq!(verdict["endpoint"], s3.url());
    assert_eq!(verdict["region"], "us-east-1");
    assert_eq!(s3.keys_on_disk(), [PROBE]);
    let again = check.verdict();
    for fact in ["reason", "put", "get", "checksumEnforced"] {
        assert_eq!(again[fact], verdict[fact], "{fact}: {again}");
    }
    assert_eq!(s3.keys_on_disk(), [PROBE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn later_check_sends_no_put() {
    let bucket = Bucket::start().await;
    let check = Check::of(&bucket.url());
    let verdict = check.verdict();
    // This store takes any body under any hash: told, and no fault.
    assert_eq!(verdict["reason"], "Ready", "{verdict}");
    assert_eq!(verdict["checksumEnforced"], false);
    let puts = bucket.checks();
    assert_eq!(puts, 2);
    assert_eq!(check.verdict()["reason"], "Ready");
    assert_eq!(bucket.checks(), puts);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_invalid_credentials() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    for keys in [
        [("accessKeyId", ACCESS_KEY), ("secretAccessKey", "wrong")],
        [("accessKeyId", "nobody"), ("secretAccessKey", SECRET_KEY)],
    ] {
        let verdict = Check::of(&s3.url()).keys(&keys).verdict();
        assert_eq!(verdict["reason"], "InvalidCredentials", "{verdict}");
        assert_eq!(verdict["reachable"], true);
        assert_eq!(verdict["credentials"], false);
        assert!(verdict["code"].is_string(), "{verdict}");
    }
    assert!(s3.keys_on_disk().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_bucket_is_named_and_not_created() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let check = Check::of(&s3.url()).spec("bucket", "not-there");
    assert_eq!(check.reason(), "NoSuchBucket");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_region_is_wrong_and_the_right_one_is_named() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let verdict = Check::of(&s3.url()).spec("region", "eu-west-1").verdict();
    assert_eq!(verdict["reason"], "WrongRegion", "{verdict}");
    assert_eq!(verdict["region"], "us-east-1", "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_not_there_fails_to_connect() {
    let verdict = Check::of(&format!("http://127.0.0.1:{}", free_port())).verdict();
    assert_eq!(verdict["reason"], "ConnectFailed", "{verdict}");
    assert_eq!(verdict["reachable"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn host_without_an_address_fails_in_dns() {
    assert_eq!(Check::of("http://s3.acme.invalid").reason(), "DnsFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn address_that_is_not_allowed_is_not_dialled() {
    let bucket = Bucket::start().await;
    let mut check = Check::of(&bucket.url());
    check.flags.clear();
    assert_eq!(check.reason(), "EndpointNotAllowed");
    // In a pod, loopback is the pod itself whatever is allowed.
    let mut check = Check::of(&bucket.url());
    check.flags.push("--in-pod".into());
    assert_eq!(check.reason(), "EndpointNotAllowed");
    assert_eq!(bucket.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_a_private_ca_needs_its_bundle() {
    let s3 = S3::start_with_tls(Program::Versitygw, BUCKET).await;
    let check = Check::of(&s3.url());
    assert_eq!(check.reason(), "TlsFailed");
    let bundle = json!({"configMapRef": {"name": "acme-ca", "key": "ca.crt"}});
    let mut check = check.spec("caBundle", bundle);
    assert_eq!(check.reason(), "ConfigMapNotFound");
    let folder = check.folder.path().join("config-maps");
    put(&folder.join("acme-ca"), "ca.crt", "no certificate at all");
    check
        .flags
        .extend(["--config-maps".into(), folder.display().to_string()]);
    assert_eq!(check.reason(), "TlsFailed");
    put(&folder.join("acme-ca"), "ca.crt", s3.ca());
    let verdict = check.verdict();
    assert_eq!(verdict["reason"], "Ready", "{verdict}");
}

#[tokio::test]
async fn missing_secret_and_missing_key_are_told_by_name() {
    let mut check = Check::of("http://127.0.0.1:1");
    check.secret = None;
    let verdict = check.verdict();
    assert_eq!(verdict["reason"], "SecretNotFound", "{verdict}");
    assert!(verdict["message"].to_string().contains("acme-s3"));
    let verdict = check.keys(&[("accessKeyId", ACCESS_KEY)]).verdict();
    assert_eq!(verdict["reason"], "SecretIncomplete", "{verdict}");
    assert!(verdict["message"].to_string().contains("SECRET_ACCESS_KEY"));
}

#[tokio::test]
async fn another_bucket_than_the_recorded_one_is_refused() {
    let mut check = Check::of("http://127.0.0.1:1").keys(&[
        ("accessKeyId", ACCESS_KEY),
        ("secretAccessKey", SECRET_KEY),
        ("bucket", "another-bucket"),
    ]);
    let recorded = json!({"titan.media/bucket": BUCKET});
    check.storage =
        check
            .storage
            .spec("bucket", Value::Null)
            .with("/metadata", "annotations", recorded);
    let verdict = check.verdict();
    assert_eq!(verdict["reason"], "BucketChanged", "{verdict}");
    assert!(verdict["message"].to_string().contains("another-bucket"));
}

#[tokio::test]
async fn storage_that_the_manifests_do_not_have_is_a_verdict_too() {
    let mut check = Check::of("http://127.0.0.1:1");
    check.storage = Document::storage(TENANT, "other", "http://127.0.0.1:1", BUCKET, "acme-s3");
    assert_eq!(check.reason(), "StorageNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_answers_becomes_its_reason_with_its_code() {
    for (status, code, reason) in [
        (403, "AccessDenied", "AccessDenied"),
        (403, "RequestTimeTooSkewed", "ClockSkew"),
        (400, "ExpiredToken", "CredentialsExpired"),
        (503, "SlowDown", "StoreError"),
    ] {
        let bucket = Bucket::start().await;
        bucket.set_mode(Mode::Refuse(status, code));
        let verdict = Check::of(&bucket.url()).verdict();
        assert_eq!(verdict["reason"], reason, "{verdict}");
        assert_eq!(verdict["code"], code, "{verdict}");
    }
    let bucket = Bucket::start().await;
    bucket.set_mode(Mode::RefusePut(501, "NotImplemented"));
    let check = Check::of(&bucket.url()).spec("encryption", json!({"type": "AES256"}));
    assert_eq!(check.reason(), "EncryptionRefused");
    bucket.set_mode(Mode::RefusePut(403, "AccessDenied"));
    let verdict = check.verdict();
    assert_eq!(verdict["reason"], "AccessDenied", "{verdict}");
    assert_eq!(verdict["put"], false);
}

#[tokio::test]
async fn verdict_goes_to_the_termination_log_within_its_limit() {
    let mut check = Check::of("http://127.0.0.1:1").keys(&[
        ("accessKeyId", ACCESS_KEY),
        ("secretAccessKey", SECRET_KEY),
        ("endpoint", &format!("http://{}.invalid", "x".repeat(8000))),
    ]);
    check.storage = check.storage.spec("endpoint", Value::Null);
    let log = check.folder.path().join("termination-log");
    fs::write(&log, "x".repeat(9000)).unwrap();
    check
        .flags
        .extend(["--termination-log".into(), log.display().to_string()]);
    let verdict = check.verdict();
    let kept = fs::read(&log).unwrap();
    assert!(kept.len() <= 4096, "{} bytes", kept.len());
    assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), verdict);
}

#[test]
fn bad_arguments_and_unreadable_manifests_are_exit_64() {
    for args in [
        &["probe"][..],
        &[
            "probe",
            "--manifests",
            "/nowhere/at/all",
            "--storage",
            "acme",
        ],
        &[
            "probe",
            "--manifests",
            "/nowhere/at/all",
            "--storage",
            "a/b",
        ],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(64), "{}", text_of(&output));
        assert!(output.stdout.is_empty());
    }
}

fn put(folder: &Path, key: &str, value: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(key), value).unwrap();
}
