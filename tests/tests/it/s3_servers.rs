//! Two real S3 servers, through the binary: what they take, give, refuse and keep.

use std::collections::BTreeSet;

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::cdn::Fault;
use titan_tests::manifests::Document;
use titan_tests::media::Kind;
use titan_tests::s3::{ACCESS_KEY, Program, S3};
use titan_tests::stage::{BUCKET, Plan, Stage, TENANT};
use titan_tests::wait::{LATER, SOON};

async fn on(s3: &S3) -> Plan {
    let mut plan = Plan::usual().await;
    plan.storage = plan.storage.spec("endpoint", s3.url());
    plan
}

async fn put_get_presign_and_range(program: Program) {
    let s3 = S3::start(program, BUCKET).await;
    let stage = on(&s3).await.up().await;
    // SeaweedFS answers before its bucket is there.
    stage.bucket_is("Ready").await;
    for (index, length) in [0, 1, 70_000, 1_048_576, 6_000_001].into_iter().enumerate() {
        let (sealed, path) = stage.file(Kind::ALL[index], length);
        let id = format!("3EB0S3N{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        let info = stage.stored(&media).await;
        let event = stage.sink.wait_for("message.received", &id, SOON).await;
        let url = event.json["payload"]["mediaUrl"].as_str().unwrap();
        let presigned = Api::fetch(url, &[]).await.expect(200);
        assert!(
            presigned.body == sealed.plain,
            "{length}: other bytes behind the presigned URL"
        );
        assert_eq!(presigned.header("content-type"), Some(sealed.kind.mime()));
        // Served from the bucket: the CDN has nothing any more.
        stage.cdn.remove(&path);
        assert!(stage.download(&media).await.expect(200).body == sealed.plain);
        if length > 100 {
            let part = Api::fetch(url, &[("range", "bytes=50-99")])
                .await
                .expect(206);
            assert_eq!(part.body, sealed.plain[50..100]);
            let target = Stage::path(&format!("media/{media}/download"));
            let part = stage
                .api
                .call("GET", &target, &[("range", "bytes=-10")], b"")
                .await
                .expect(206);
            assert_eq!(part.body, sealed.plain[length - 10..]);
        }
        if program == Program::Versitygw {
            let on_disk = s3.on_disk(info["key"].as_str().unwrap()).unwrap();
            assert!(on_disk == sealed.plain);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versitygw_takes_and_gives_files_whole_and_in_part() {
    put_get_presign_and_range(Program::Versitygw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seaweedfs_takes_and_gives_files_whole_and_in_part() {
    put_get_presign_and_range(Program::Seaweedfs).await;
}

/// Takes files that the CDN breaks, each in its way, then one that is whole; says what became of that
/// one once it is stored and none of the others is.
pub(crate) async fn store_one_among_broken(
    stage: &Stage,
    faults: impl IntoIterator<Item = Fault>,
) -> serde_json::Value {
    let mut refused = Vec::new();
    for (index, fault) in faults.into_iter().enumerate() {
        let (sealed, path) = stage.file(Kind::Video, 3_000_000);
        stage.cdn.fail_always(&path, fault);
        let id = format!("3EB0CUT{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        stage.sink.wait_for("message.received", &id, LATER).await;
        refused.push(media);
    }
    let (right, path) = stage.file(Kind::Video, 3_000_000);
    let media = stage.take("3EB0RIGHT", baileys::file(&right, &path)).await;
    let info = stage.stored(&media).await;
    for media in &refused {
        assert_eq!(stage.info(media).await["persisted"], false);
    }
    info
}

/// A body that breaks off, and one whose hash is not the declared one, leave nothing behind.
async fn broken_bodies_leave_nothing(program: Program) {
    let s3 = S3::start(program, BUCKET).await;
    let stage = on(&s3)
        .await
        .spec("autoPersist.holdWebhook", "2s")
        .up()
        .await;
    let faults = [
        Fault::Flip(2_999_000),
        Fault::Flip(3),
        Fault::Length(2_000_000),
        Fault::Other(vec![7; 3_000_010].into()),
    ];
    let info = store_one_among_broken(&stage, faults).await;
    if program == Program::Versitygw {
        let keys: BTreeSet<_> = s3.keys_on_disk().into_iter().collect();
        assert_eq!(
            keys,
            BTreeSet::from([info["key"].as_str().unwrap().to_owned()])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versitygw_keeps_nothing_of_a_body_that_breaks_off_or_is_wrong() {
    broken_bodies_leave_nothing(Program::Versitygw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seaweedfs_keeps_nothing_of_a_body_that_breaks_off_or_is_wrong() {
    broken_bodies_leave_nothing(Program::Seaweedfs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_wait_with_a_reason_on_both_servers() {
    for program in [Program::Versitygw, Program::Seaweedfs] {
        let s3 = S3::start(program, BUCKET).await;
        let mut plan = on(&s3).await;
        plan.more.push(Document::secret(
            TENANT,
            "acme-s3",
            &[
                ("accessKeyId", ACCESS_KEY),
                ("secretAccessKey", "not-the-secret-at-all"),
            ],
        ));
        let stage = plan.up().await;
        for (index, length) in [3000, 6_000_000].into_iter().enumerate() {
            let (sealed, path) = stage.file(Kind::Image, length);
            let media = stage
                .take(&format!("3EB0CRED{index}"), baileys::file(&sealed, &path))
                .await;
            let info = stage.reaches(&media, "waiting").await;
            assert_eq!(info["error"]["retryable"], true, "{program:?} {info}");
        }
        let status = stage.status().await;
        assert_ne!(
            status["sessions"][0]["bucket"]["reason"], "Ready",
            "{program:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_bucket_waits_with_a_reason() {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let mut plan = on(&s3).await;
    plan.storage = plan.storage.spec("bucket", "not-there");
    let stage = plan.up().await;
    for (index, length) in [3000, 6_000_000].into_iter().enumerate() {
        let (sealed, path) = stage.file(Kind::Image, length);
        let media = stage
            .take(
                &format!("3EB0NOBUCKET{index}"),
                baileys::file(&sealed, &path),
            )
            .await;
        let info = stage.reaches(&media, "waiting").await;
        assert_eq!(info["error"]["retryable"], json!(true), "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_away_for_a_while_loses_nothing() {
    let mut s3 = S3::start(Program::Versitygw, BUCKET).await;
    let stage = on(&s3).await.up().await;
    s3.stop();
    let mut sent = Vec::new();
    for index in 0..10 {
        let (sealed, path) = stage.file(Kind::Image, 50_000);
        let media = stage
            .take(&format!("3EB0AWAY{index}"), baileys::file(&sealed, &path))
            .await;
        sent.push((media, sealed));
    }
    stage.reaches(&sent[0].0, "waiting").await;
    s3.restart().await;
    for (media, sealed) in sent {
        let info = stage.stored(&media).await;
        assert!(s3.on_disk(info["key"].as_str().unwrap()).unwrap() == sealed.plain);
    }
}
