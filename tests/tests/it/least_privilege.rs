//! MinIO with a user whose whole policy is `s3:PutObject` and `s3:GetObject` below the prefix: nothing
//! of the product needs more.

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::cdn::Fault;
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::minio::{USER, USER_SECRET, least};
use titan_tests::s3::S3;
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};
use titan_tests::wait::SOON;

use crate::s3_servers::store_one_among_broken;

/// What the policy speaks of.
const PREFIX: &str = "whatsapp/";

async fn server() -> S3 {
    let s3 = S3::minio(BUCKET, &[]).await;
    s3.user(&least(BUCKET, PREFIX));
    s3
}

async fn on(s3: &S3) -> Plan {
    let mut plan = Plan::usual().await;
    plan.storage = plan
        .storage
        .spec("endpoint", s3.url())
        .spec("prefix", PREFIX);
    let keys = [("accessKeyId", USER), ("secretAccessKey", USER_SECRET)];
    plan.more.push(Document::secret(TENANT, "acme-s3", &keys));
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn put_and_get_are_enough_to_save_serve_and_hand_out() {
    let s3 = server().await;
    let stage = on(&s3).await.up().await;
    let verdict = stage.bucket_is("Ready").await;
    for fact in ["reachable", "credentials", "put", "get", "checksumEnforced"] {
        assert_eq!(verdict[fact], true, "{fact}: {verdict}");
    }
    for (index, length) in [0, 1, 70_000, 1_048_576, 6_000_001].into_iter().enumerate() {
        let (sealed, path) = stage.file(Kind::ALL[index], length);
        let id = format!("3EB0LEAST{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        let info = stage.stored(&media).await;
        let key = info["key"].as_str().unwrap();
        assert!(key.starts_with(PREFIX), "{key}");
        let event = stage.sink.wait_for("message.received", &id, SOON).await;
        let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
        let presigned = Api::fetch(url, &[]).await.expect(200);
        assert!(presigned.body == sealed.plain, "{length}: other bytes");
        assert_eq!(presigned.header("content-type"), Some(sealed.kind.mime()));
        // Served from the bucket: the CDN has nothing any more.
        stage.cdn.remove(&path);
        assert!(stage.download(&media).await.expect(200).body == sealed.plain);
        let target = Stage::path(&format!("media/{media}/download"));
        let redirect = stage.api.get(&format!("{target}?redirect=true")).await;
        let to = redirect.expect(302);
        let to = to.header("location").unwrap();
        assert!(Api::fetch(to, &[]).await.expect(200).body == sealed.plain);
        if length > 100 {
            let range = [("range", "bytes=50-99")];
            let part = Api::fetch(url, &range).await.expect(206);
            assert_eq!(part.body, sealed.plain[50..100]);
            let part = stage.api.call("GET", &target, &range, b"").await;
            assert_eq!(part.expect(206).body, sealed.plain[50..100]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_break_off_or_are_wrong_leave_nothing() {
    let s3 = server().await;
    let stage = on(&s3)
        .await
        .spec("autoPersist.holdWebhook", "2s")
        .up()
        .await;
    let faults = [
        Fault::Flip(2_999_000),
        Fault::Length(2_000_000),
        Fault::Other(vec![7; 3_000_010].into()),
    ];
    let info = store_one_among_broken(&stage, faults).await;
    let probe = format!("{PREFIX}.titan-media-probe");
    let mut keys = s3.keys(BUCKET);
    keys.retain(|key| *key != probe);
    assert_eq!(keys, [info["key"].as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_a_record_needs_no_right_to_delete_its_object() {
    let s3 = server().await;
    let stage = on(&s3).await.up().await;
    let (sealed, path) = stage.file(Kind::Document, 5000);
    let media = stage
        .take("3EB0FORGET", baileys::file(&sealed, &path))
        .await;
    let info = stage.stored(&media).await;
    let target = Stage::path(&format!("media/{media}"));
    let forgotten = stage.api.call("DELETE", &target, &[], b"").await;
    assert_eq!(forgotten.expect(200).data()["key"], info["key"]);
    stage.api.get(&target).await.expect(404);
    let object = s3.stat(BUCKET, info["key"].as_str().unwrap());
    assert_eq!(object["size"], 5000, "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn object_that_is_gone_is_saved_again_while_the_cdn_has_the_file() {
    let s3 = server().await;
    let stage = on(&s3).await.up().await;
    let (sealed, path) = stage.file(Kind::Image, 5000);
    let media = stage.take("3EB0GONE", baileys::file(&sealed, &path)).await;
    let info = stage.stored(&media).await;
    let key = info["key"].as_str().unwrap();
    s3.delete(BUCKET, key);
    // Without the right to list, a missing key is answered 403: the CDN still has the file, and the
    // bucket gets it again.
    assert!(stage.download(&media).await.expect(200).body == sealed.plain);
    let again = stage
        .sink
        .wait_for("media.persisted", "3EB0GONE", SOON)
        .await;
    let url = again.json["payload"]["mediaUrl"].as_str().unwrap();
    assert!(Api::fetch(url, &[]).await.expect(200).body == sealed.plain);
    assert_eq!(stage.stored(&media).await["key"], key);
    // Who asks for it to be in the bucket is believed.
    s3.delete(BUCKET, key);
    let saved = stage.persist(&media).await.expect(200).data();
    assert_eq!(saved["persisted"], true, "{saved}");
    assert_eq!(s3.stat(BUCKET, key)["size"], 5000);
    s3.delete(BUCKET, key);
    stage.cdn.remove(&path);
    stage.download(&media).await.refused(410, "object_gone");
    assert_eq!(stage.info(&media).await["status"], "stored");
    assert_eq!(stage.bucket_is("Ready").await["get"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_the_prefix_access_is_denied_and_granting_it_is_enough() {
    let s3 = server().await;
    let mut plan = on(&s3).await;
    plan.storage = plan.storage.spec("prefix", "elsewhere/");
    let stage = plan.up().await;
    let verdict = stage.bucket_is("AccessDenied").await;
    assert_eq!(verdict["credentials"], true, "{verdict}");
    assert_eq!(verdict["put"], false, "{verdict}");
    let message = verdict["message"].as_str().unwrap();
    assert!(message.starts_with("PutObject is not allowed"), "{message}");
    let (sealed, path) = stage.file(Kind::Image, 5000);
    let media = stage
        .take("3EB0DENIED", baileys::file(&sealed, &path))
        .await;
    let info = stage.reaches(&media, "waiting").await;
    assert_eq!(info["error"]["retryable"], json!(true), "{info}");
    s3.policy("titan-media", &least(BUCKET, "elsewhere/"));
    let info = stage.stored(&media).await;
    assert!(info["key"].as_str().unwrap().starts_with("elsewhere/"));
    stage.bucket_is("Ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_and_not_read_is_told_so() {
    let s3 = server().await;
    let mut writer = least(BUCKET, PREFIX);
    writer["Statement"][0]["Action"] = json!(["s3:PutObject"]);
    s3.policy("titan-media", &writer);
    let stage = on(&s3).await.up().await;
    let verdict = stage.bucket_is("AccessDenied").await;
    assert_eq!(verdict["put"], true, "{verdict}");
    assert_eq!(verdict["get"], false, "{verdict}");
    let message = verdict["message"].as_str().unwrap();
    assert!(message.starts_with("GetObject is not allowed"), "{message}");
    // Files are saved all the same.
    let (sealed, path) = stage.file(Kind::Image, 5000);
    let media = stage.take("3EB0WRITE", baileys::file(&sealed, &path)).await;
    stage.stored(&media).await;
    // Not to be allowed to read is no sign that the object is gone.
    stage.download(&media).await.expect(200);
    stage.persist(&media).await.expect(200);
    assert_eq!(stage.info(&media).await["status"], "stored");
    assert_eq!(
        stage.cdn.hits(&path).len(),
        2,
        "saved once, downloaded once"
    );
}
