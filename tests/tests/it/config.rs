//! Manifests that change while the program runs, and the flag for pods.

use std::fs;

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::s3::{ACCESS_KEY, SECRET_KEY};
use titan_tests::stage::{API_KEY, BUCKET, Plan, Stage, TENANT};
use titan_tests::wait::{SOON, until};

const OTHER_KEY: &str = "titan_test_other_0123456789abcdefghi";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_come_and_go_with_their_manifests() {
    let stage = Stage::up().await;
    let folder = stage.sidecar.launch().manifests();
    let session = Document::session("acme", "second", "second-keys");
    let secret = Document::secret("acme", "second-keys", &[("key", OTHER_KEY)]);
    manifests::write(&folder, &[secret, session.clone()]).unwrap();
    let other = stage.api.with_key(OTHER_KEY);
    until(SOON, "the new session serves", || async {
        other.get("/api/sessions/second").await.status == 200
    })
    .await;
    let path = "/api/sessions/second/inbound";
    other
        .post_json(path, &baileys::one("3EB0SECOND", baileys::text("x")))
        .await
        .expect(202);
    manifests::remove(&folder, &session).unwrap();
    until(SOON, "the session is gone", || async {
        other.get("/api/sessions/second").await.status == 401
    })
    .await;
    stage
        .take("3EB0STILL", baileys::text("the first one still works"))
        .await;
    // Its records wait on disk for its return.
    manifests::write(&folder, &[session]).unwrap();
    until(SOON, "the session is back", || async {
        other.get("/api/sessions/second").await.status == 200
    })
    .await;
    let again = other
        .post_json(path, &baileys::one("3EB0SECOND", baileys::text("x")))
        .await;
    assert_eq!(again.expect(202).data()["duplicates"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_edit_keeps_the_last_good_configuration() {
    let stage = Stage::up().await;
    let folder = stage.sidecar.launch().manifests();
    let broken = stage
        .session
        .clone()
        .spec("autoPersist", json!("yes please"));
    manifests::write(&folder, &[broken]).unwrap();
    until(SOON, "the refusal is counted", || async {
        stage.status().await["configErrors"].as_u64() > Some(0)
    })
    .await;
    stage.take("3EB0GOOD", baileys::text("still here")).await;
    stage
        .sink
        .wait_for("message.received", "3EB0GOOD", SOON)
        .await;
    manifests::write(
        &folder,
        &[stage.session.clone().spec("autoPersist.enabled", false)],
    )
    .unwrap();
    let mut attempt = 0;
    until(SOON, "the mended edit is in force", || {
        attempt += 1;
        let (sealed, path) = stage.file(Kind::Image, 10);
        let (stage, id) = (&stage, format!("3EB0MENDED{attempt}"));
        async move {
            let media = stage.take(&id, baileys::file(&sealed, &path)).await;
            stage.info(&media).await["status"] == "received"
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrected_credentials_wake_what_waits() {
    let mut plan = Plan::usual().await;
    let s3 = titan_tests::s3::S3::start(titan_tests::s3::Program::Versitygw, BUCKET).await;
    plan.storage = plan.storage.spec("endpoint", s3.url());
    plan.more.push(Document::secret(
        TENANT,
        "acme-s3",
        &[
            ("accessKeyId", ACCESS_KEY),
            ("secretAccessKey", "wrong-wrong-wrong"),
        ],
    ));
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 4000);
    let media = stage.take("3EB0CREDS", baileys::file(&sealed, &path)).await;
    let info = stage.reaches(&media, "waiting").await;
    assert_eq!(info["error"]["retryable"], true, "{info}");
    let right = Document::secret(
        TENANT,
        "acme-s3",
        &[("accessKeyId", ACCESS_KEY), ("secretAccessKey", SECRET_KEY)],
    );
    manifests::write(&stage.sidecar.launch().manifests(), &[right]).unwrap();
    let info = stage.reaches(&media, "stored").await;
    assert_eq!(
        s3.on_disk(info["key"].as_str().unwrap()).as_deref(),
        Some(&sealed.plain[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_from_a_folder_are_read_under_their_usual_names() {
    let mut plan = Plan::usual().await;
    let secrets = plan.launch.folder.path().join("secrets");
    let put = |name: &str, key: &str, value: &str| {
        fs::create_dir_all(secrets.join(name)).unwrap();
        fs::write(secrets.join(name).join(key), value).unwrap();
    };
    put("from-folder", "key", OTHER_KEY);
    // A Secret alone describes the bucket, under the names that AWS tools use.
    put("bucket-secret", "AWS_ACCESS_KEY_ID", ACCESS_KEY);
    put("bucket-secret", "AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    put("bucket-secret", "bucket", "bucket-of-the-secret");
    put("bucket-secret", "endpoint", &plan.bucket.url());
    put("bucket-secret", "region", "eu-central-1");
    plan.session = plan
        .session
        .spec("auth", json!({"apiKeysSecretRef": {"name": "from-folder"}}));
    for field in ["endpoint", "region", "bucket"] {
        plan.storage = plan.storage.spec(field, Value::Null);
    }
    plan.storage = plan.storage.spec(
        "credentials",
        json!({"secretRef": {"name": "bucket-secret"}}),
    );
    plan.launch
        .args
        .extend(["--secrets".into(), secrets.display().to_string()]);
    let mut stage = plan.up().await;
    stage.api = stage.api.with_key(OTHER_KEY);
    let (sealed, path) = stage.file(Kind::Image, 900);
    let media = stage
        .take("3EB0FOLDER", baileys::file(&sealed, &path))
        .await;
    let info = stage.reaches(&media, "stored").await;
    assert_eq!(info["bucket"], "bucket-of-the-secret");
    assert_eq!(stage.object(&info).bytes.unwrap(), sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_a_missing_secret_and_an_unknown_field_are_reported_and_not_fatal() {
    let mut plan = Plan::usual().await.spec("fieldOfTheFuture", true);
    plan.session = plan.session.spec("webhooks", json!([]));
    plan.storage = plan.storage.spec(
        "credentials",
        json!({"secretRef": {"name": "not-there-yet"}}),
    );
    plan.launch.args.push("--in-pod".into());
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 900);
    let media = stage.take("3EB0POD", baileys::file(&sealed, &path)).await;
    let status = stage.status().await;
    assert!(
        status["sessions"][0]["missing"]
            .to_string()
            .contains("not-there-yet"),
        "{status}"
    );
    let info = stage.info(&media).await;
    assert!(
        matches!(
            info["status"].as_str(),
            Some("queued" | "waiting" | "running")
        ),
        "{info}"
    );
    stage.sidecar.admin().get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_a_field_that_nothing_honours_is_reported() {
    let mut plan = Plan::usual().await.spec("source.whatsapp", json!({}));
    plan.session = plan.session.spec("webhooks", json!([]));
    plan.launch.args.push("--in-pod".into());
    let stage = plan.up().await;
    let status = stage.status().await;
    assert!(
        status["sessions"][0]["unsupported"]
            .to_string()
            .contains("spec.source.whatsapp"),
        "{status}"
    );
    stage
        .api
        .with_key(API_KEY)
        .get("/api/sessions")
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_directory_belongs_to_one_process_at_a_time() {
    let mut stage = Stage::up().await;
    let mut second = titan_tests::sidecar::Launch::new();
    // The same data, reached by a link; everything else is its own.
    fs::remove_dir(second.data()).unwrap();
    std::os::unix::fs::symlink(stage.sidecar.launch().data(), second.data()).unwrap();
    second.args = stage.sidecar.launch().args.clone();
    for entry in fs::read_dir(stage.sidecar.launch().manifests())
        .unwrap()
        .map(Result::unwrap)
    {
        fs::copy(entry.path(), second.manifests().join(entry.file_name())).unwrap();
    }
    let mut waiting = second.spawn();
    until(
        SOON,
        "the second process is alive and not ready",
        || async {
            let admin = waiting.admin();
            admin
                .try_call("GET", "/livez", &[], b"")
                .await
                .is_ok_and(|reply| reply.status == 200)
                && admin.get("/readyz").await.status == 503
                && admin.get("/status").await.json()["ready"] == false
        },
    )
    .await;
    stage.sidecar.kill();
    waiting.wait_ready().await;
}
