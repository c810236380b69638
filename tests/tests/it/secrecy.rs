//! Nothing secret ever reaches a log, an error or the admin port.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::cdn::Fault;
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::s3::SECRET_KEY;
use titan_tests::sink::Answer;
use titan_tests::stage::{API_KEY, HOOK_KEY, INBOUND_KEY, Plan, Stage};
use titan_tests::wait::{LATER, SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn logs_metrics_and_status_hold_no_secret_and_every_message_has_a_trace() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 2_000_000);
    stage.cdn.fail(
        &path,
        [
            Fault::Status(500, ""),
            Fault::Reset(100_000),
            Fault::Flip(3),
        ],
    );
    stage.sink.answer([Answer::Status(500)]);
    stage
        .bucket
        .set_mode(Mode::Refuse(403, "SignatureDoesNotMatch"));
    let by_path = Stage::path(&format!("inbound/{INBOUND_KEY}"));
    let body = baileys::one("3EB0SECRET", baileys::file(&sealed, &path));
    stage
        .api
        .without_key()
        .post_json(&by_path, &body)
        .await
        .expect(202);
    stage
        .sink
        .wait_for("message.received", "3EB0SECRET", SOON)
        .await;
    stage.bucket.set_mode(Mode::Up);
    let event = stage
        .sink
        .wait_for("media.persisted", "3EB0SECRET", LATER)
        .await;
    let media = event.json["payload"]["mediaId"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.download(&media).await.expect(200);
    let bad = baileys::file_with(&sealed, &path, "mediaKey", json!("c2VjcmV0"));
    stage.take("3EB0BADKEY", bad).await;
    let presigned = event.json["payload"]["mediaUrl"].as_str().unwrap();
    let signature = presigned
        .split("X-Amz-Signature=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let (status, admin) = (stage.status().await.to_string(), stage.sidecar.admin());
    let metrics = String::from_utf8_lossy(&admin.get("/metrics").await.body).into_owned();
    let signed_path = path.split_once("oh=").unwrap().1;
    let key = STANDARD.encode(sealed.key);
    let hex_key = hex::encode(sealed.key);
    for (place, text) in [
        ("log", stage.sidecar.log_text()),
        ("status", status),
        ("metrics", metrics),
    ] {
        for (what, secret) in [
            ("API key", API_KEY),
            ("inbound key", INBOUND_KEY),
            ("webhook key", HOOK_KEY),
            ("secret access key", SECRET_KEY),
            ("media key", &key),
            ("media key", &hex_key),
            ("broken media key", "c2VjcmV0"),
            ("signature", signature),
            ("signed path", signed_path),
            (
                "signature header",
                event.header("x-webhook-signature").unwrap(),
            ),
        ] {
            assert!(!text.contains(secret), "the {what} is in the {place}");
        }
    }
    let log = stage.sidecar.log_text();
    let traced = log.lines().filter(|line| line.contains("trace")).count();
    assert!(traced > 0, "no log line has a trace id");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_keys_are_sealed_at_rest_when_a_store_key_is_given() {
    let mut plan = Plan::usual().await.on_demand();
    let seal = STANDARD.encode([9; 32]);
    plan.session = plan.session.spec(
        "store",
        json!({"encryptionKeySecretRef": {"name": "seal", "key": "key"}}),
    );
    plan.more
        .push(Document::secret("acme", "seal", &[("key", &seal)]));
    let mut stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    let media = stage
        .take("3EB0SEALED", baileys::file(&sealed, &path))
        .await;
    stage.sidecar.kill();
    for entry in walk(&stage.sidecar.launch().data()) {
        let bytes = std::fs::read(&entry).unwrap();
        for (what, needle) in [
            ("key", sealed.key.to_vec()),
            ("base64", STANDARD.encode(sealed.key).into_bytes()),
        ] {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "the media {what} is in {}", entry.display());
        }
    }
    stage.sidecar.start().await;
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_store_key_opens_what_the_old_one_sealed_and_seals_it_anew() {
    let mut plan = Plan::usual().await.on_demand();
    plan.session = plan.session.spec(
        "store",
        json!({"encryptionKeySecretRef": {"name": "seal", "key": "current"}}),
    );
    let keys = |keys: &[(&str, &str)]| Document::secret("acme", "seal", keys);
    plan.more.push(keys(&[("current", "the-first-store-key")]));
    let mut stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    let media = stage.take("3EB0FIRST", baileys::file(&sealed, &path)).await;
    // Both keys: what the old one sealed still opens, and is sealed under the new one.
    let both = [
        ("current", "the-second-store-key"),
        ("older", "the-first-store-key"),
    ];
    stage.apply(&[keys(&both)]);
    stage.sidecar.logged("media keys sealed anew").await;
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    let (other, path) = stage.file(Kind::Image, 2000);
    let second = stage.take("3EB0SECOND", baileys::file(&other, &path)).await;
    // From then on the new one is enough, also after a restart.
    stage.sidecar.terminate().await;
    stage.apply(&[keys(&[("current", "the-second-store-key")])]);
    stage.sidecar.start().await;
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    assert_eq!(stage.download(&second).await.expect(200).body, other.plain);
    // Whoever takes the only key away is told, and gets it all back with the key.
    stage.sidecar.terminate().await;
    stage.apply(&[keys(&[("current", "a-key-of-nobody")])]);
    stage.sidecar.start().await;
    let reply = stage.download(&media).await;
    reply.refused(503, "store_key_missing");
    assert!(
        !reply.json().to_string().contains("store-key"),
        "{}",
        reply.json()
    );
    stage.apply(&[keys(&both)]);
    until(SOON, "the key is back", || async {
        stage.download(&media).await.status == 200
    })
    .await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
