//! A CDN and a bucket that fail: what is resumed, what is given up, what waits, and that nothing is
//! lost.

use std::time::Duration;

use serde_json::json;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::cdn::Fault;
use titan_tests::media::Kind;
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::{LATER, SOON, eventually, until};

#[tokio::test(flavor = "multi_thread")]
async fn break_in_the_middle_is_resumed_without_the_bucket_noticing() {
    let stage = Stage::up().await;
    let breaks: [(&str, Vec<Fault>); 6] = [
        ("reset", vec![Fault::Reset(3_000_000)]),
        ("early end", vec![Fault::EndEarly(3_000_001)]),
        (
            "twice",
            vec![Fault::EndEarly(1_500_007), Fault::EndEarly(2_000_003)],
        ),
        (
            "then 503",
            vec![Fault::EndEarly(1_500_007), Fault::Status(503, "")],
        ),
        (
            "then no range",
            vec![Fault::EndEarly(1_500_007), Fault::IgnoreRange],
        ),
        (
            "then a wrong range",
            vec![Fault::EndEarly(1_500_007), Fault::ShiftRange(16)],
        ),
    ];
    for (index, (name, faults)) in breaks.into_iter().enumerate() {
        let (sealed, path) = stage.file(Kind::Video, 6_000_000 + index);
        stage.cdn.fail(&path, faults);
        let media = stage
            .take(&format!("3EB0BREAK{index}"), baileys::file(&sealed, &path))
            .await;
        let info = stage.reaches(&media, "stored").await;
        assert!(stage.object(&info).sha256 == sealed.sha256, "{name}");
        let hits = stage.cdn.hits(&path);
        assert!(
            hits.len() > 1 && hits[1].range.is_some(),
            "{name}: {hits:?}"
        );
        if name != "then a wrong range" && name != "then no range" {
            let key = info["key"].as_str().unwrap();
            let puts = stage
                .bucket
                .uploads()
                .into_iter()
                .filter(|upload| upload.path.ends_with(key))
                .count();
            assert_eq!(puts, 1, "{name}: the bucket noticed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn download_is_resumed_too() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Video, 6_000_000);
    stage
        .cdn
        .fail(&path, [Fault::EndEarly(2_000_000), Fault::Reset(1_000_000)]);
    let media = stage
        .take("3EB0RESUMED", baileys::file(&sealed, &path))
        .await;
    assert!(stage.download(&media).await.expect(200).body == sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_of_the_cdn_are_final_or_retried_as_they_mean() {
    let stage = Stage::up().await;
    for (index, (fault, code)) in [
        (Fault::Status(404, ""), "media_expired"),
        (Fault::Status(410, ""), "media_expired"),
        (Fault::Status(403, "URL signature expired"), "media_expired"),
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Image, 3000);
        stage.cdn.fail_always(&path, fault);
        let id = format!("3EB0FINAL{index}");
        let media = stage.take(&id, baileys::file(&sealed, &path)).await;
        let info = stage.reaches(&media, "failed").await;
        assert_eq!(
            (&info["error"]["code"], &info["error"]["retryable"]),
            (&json!(code), &json!(false))
        );
        let event = stage.sink.wait_for("message.received", &id, SOON).await;
        assert_eq!(
            event.json["payload"]["media"]["status"], "failed",
            "{}",
            event.json
        );
    }
    for (index, fault) in [
        Fault::Status(403, "Forbidden"),
        Fault::Status(401, ""),
        Fault::Status(408, ""),
        Fault::Status(429, ""),
        Fault::Status(500, ""),
        Fault::Status(503, ""),
        Fault::Refuse,
        Fault::RetryAfter(1),
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Image, 3000);
        stage.cdn.fail_always(&path, fault);
        let media = stage
            .take(&format!("3EB0AGAIN{index}"), baileys::file(&sealed, &path))
            .await;
        let info = stage.reaches(&media, "waiting").await;
        assert_eq!(info["error"]["retryable"], true, "{info}");
        stage.cdn.heal(&path);
        let info = eventually(LATER, format_args!("{media} is stored"), || async {
            Some(stage.info(&media).await).filter(|info| info["status"] == "stored")
        })
        .await;
        assert!(stage.object(&info).sha256 == sealed.sha256);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_length_and_wrong_bytes_are_never_stored() {
    let stage = Stage::up().await;
    for (index, fault) in [
        Fault::Length(2_000_000),
        Fault::Length(5_000_000),
        Fault::Flip(2_999_999),
        Fault::Other(vec![1; 3_000_026].into()),
        Fault::Other(b"<html>not a file</html>".to_vec().into()),
        Fault::Redirect("http://127.0.0.1:1/".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Video, 3_000_000);
        stage.cdn.fail_always(&path, fault.clone());
        let media = stage
            .take(&format!("3EB0WRONG{index}"), baileys::file(&sealed, &path))
            .await;
        let info = eventually(LATER, format_args!("{fault:?} has an outcome"), || async {
            let info = stage.info(&media).await;
            matches!(info["status"].as_str(), Some("waiting" | "failed")).then_some(info)
        })
        .await;
        assert_eq!(info["persisted"], false);
        assert!(stage.bucket.objects().is_empty(), "{fault:?} was stored");
        assert!(
            !stage
                .bucket
                .uploads()
                .iter()
                .any(titan_tests::bucket::Upload::completed),
            "{fault:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn integrity_failure_is_final_after_three_whole_fetches() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    stage.cdn.fail_always(&path, Fault::Flip(7));
    let media = stage
        .take("3EB0CORRUPT", baileys::file(&sealed, &path))
        .await;
    let info = eventually(LATER, "it is given up", || async {
        Some(stage.info(&media).await).filter(|info| info["status"] == "failed")
    })
    .await;
    assert_eq!(info["error"]["code"], "integrity_failed");
    let whole = stage
        .cdn
        .hits(&path)
        .iter()
        .filter(|hit| hit.sent > 3000)
        .count();
    assert_eq!(whole, 3);
    stage.persist(&media).await.refused(502, "integrity_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_body_is_cut_at_the_length_that_was_announced() {
    let stage = Stage::up().await;
    for (id, field) in [
        ("3EB0ENDLESS1", json!("5000")),
        ("3EB0ENDLESS2", json!(null)),
    ] {
        let (sealed, path) = stage.file(Kind::Image, 5000);
        stage.cdn.fail_always(&path, Fault::Endless);
        let content = baileys::file_with(&sealed, &path, "fileLength", field);
        let media = stage.take(id, content).await;
        let info = eventually(LATER, format_args!("{id} has an outcome"), || async {
            let info = stage.info(&media).await;
            matches!(info["status"].as_str(), Some("waiting" | "failed")).then_some(info)
        })
        .await;
        assert_eq!(info["persisted"], false);
        let most = stage
            .cdn
            .hits(&path)
            .iter()
            .map(|hit| hit.sent)
            .max()
            .unwrap();
        assert!(
            most < 64 * 1024 * 1024,
            "{most} bytes were read of an endless body"
        );
        stage.cdn.heal(&path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_is_down_makes_records_wait_and_loses_nothing() {
    let stage = Stage::up().await;
    let mut sent = Vec::new();
    for (index, mode) in [
        Mode::Down,
        Mode::Refuse(503, "SlowDown"),
        Mode::Refuse(403, "InvalidAccessKeyId"),
    ]
    .into_iter()
    .enumerate()
    {
        stage.bucket.set_mode(mode);
        for file in 0..5 {
            let (sealed, path) = stage.file(Kind::Image, 20_000);
            let id = format!("3EB0OUT{index}{file}");
            let media = stage.take(&id, baileys::file(&sealed, &path)).await;
            sent.push((id, media, sealed));
        }
        let (_, last, _) = sent.last().unwrap();
        stage.reaches(last, "waiting").await;
        stage.sidecar.admin().get("/readyz").await.expect(200);
    }
    // Inbound went on, every message is announced although its file waits.
    for (id, _, _) in &sent {
        stage.sink.wait_for("message.received", id, SOON).await;
    }
    let health = stage.status().await["sessions"][0]["bucket"]["reason"].clone();
    assert_ne!(health, "Ready");
    stage.bucket.set_mode(Mode::Up);
    for (id, media, sealed) in &sent {
        let info = eventually(LATER, format_args!("{id} is stored"), || async {
            Some(stage.info(media).await).filter(|info| info["status"] == "stored")
        })
        .await;
        assert!(stage.object(&info).sha256 == sealed.sha256);
        stage.sink.wait_for("media.persisted", id, SOON).await;
    }
    until(SOON, "the bucket is known to work", || async {
        stage.status().await["sessions"][0]["bucket"]["reason"] == "Ready"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bucket_is_waited_for() {
    let stage = Stage::up().await;
    stage
        .bucket
        .set_mode(Mode::Slow(Duration::from_millis(100)));
    let (sealed, path) = stage.file(Kind::Video, 4_000_000);
    let media = stage.take("3EB0SLOW", baileys::file(&sealed, &path)).await;
    let info = stage.reaches(&media, "stored").await;
    assert!(stage.object(&info).sha256 == sealed.sha256);
    assert_eq!(stage.bucket.uploads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_a_transfer_finishes_or_resumes_it_and_loses_nothing() {
    let mut stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Video, 3_000_000);
    stage
        .cdn
        .fail(&path, [Fault::Trickle(30_000, Duration::from_millis(40))]);
    let media = stage.take("3EB0TERM", baileys::file(&sealed, &path)).await;
    until(SOON, "the transfer runs", || async {
        !stage.cdn.hits(&path).is_empty()
    })
    .await;
    stage.sidecar.ask_to_stop();
    until(SOON, "it is no longer ready", || async {
        let reply = stage
            .sidecar
            .admin()
            .try_call("GET", "/readyz", &[], b"")
            .await;
        reply.map_or(true, |reply| reply.status == 503)
    })
    .await;
    assert_eq!(stage.sidecar.ended().await.code(), Some(0));
    stage.sidecar.start().await;
    let info = stage.reaches(&media, "stored").await;
    assert!(stage.object(&info).sha256 == sealed.sha256);
    stage
        .sink
        .wait_for("message.received", "3EB0TERM", SOON)
        .await;
    let ids: std::collections::BTreeSet<_> = stage
        .sink
        .about("3EB0TERM")
        .iter()
        .map(|one| (one.event().to_owned(), one.id().to_owned()))
        .collect();
    let names: std::collections::BTreeSet<_> = ids.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(ids.len(), names.len(), "one event has two ids: {ids:?}");
}
