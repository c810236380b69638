//! What the routes answer in right use; wrong use is in `bad_input`. Each answer is held against the
//! OpenAPI document by the client itself.

use serde_json::{Value, json};
use titan_tests::baileys;
use titan_tests::media::Kind;
use titan_tests::stage::{API_KEY, Plan, SESSION, Stage};
use titan_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn media_info_has_titans_seven_members_and_ours() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Document, 5000);
    let media = stage.take("3EB0INFO", baileys::file(&sealed, &path)).await;
    let info = stage.info(&media).await;
    assert_eq!(info["id"], media.as_str());
    assert_eq!(info["messageId"], "3EB0INFO");
    assert_eq!(info["session"], SESSION);
    assert_eq!(info["mimeType"], "application/pdf");
    assert_eq!(info["fileLength"], 5000);
    assert_eq!(info["persisted"], false);
    assert!(info.get("s3Url").is_none(), "{info}");
    assert_eq!(info["kind"], "document");
    assert_eq!(info["fileName"], "contract.pdf");
    assert_eq!(info["sha256"], hex::encode(sealed.sha256));
    assert_eq!(info["status"], "received");
    for absent in ["error", "bucket", "key"] {
        assert!(info.get(absent).is_none(), "{absent} in {info}");
    }
    for time in ["receivedAt", "expiresAt"] {
        info[time]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap();
    }
    stage.persist(&media).await.expect(200);
    let info = stage.info(&media).await;
    assert_eq!(
        (&info["persisted"], &info["status"]),
        (&json!(true), &json!("stored"))
    );
    assert!(
        info["s3Url"].as_str().unwrap().starts_with("http"),
        "{info}"
    );
    assert!(info["key"].is_string() && info["bucket"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn list_filters_and_pages_through_everything_once() {
    let stage = Plan::usual().await.on_demand().up().await;
    let mut ids = Vec::new();
    for index in 0..7 {
        let kind = if index % 2 == 0 {
            Kind::Image
        } else {
            Kind::Audio
        };
        let (sealed, path) = stage.file(kind, 100);
        ids.push(
            stage
                .take(&format!("3EB0LIST{index}"), baileys::file(&sealed, &path))
                .await,
        );
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage
            .api
            .get(&Stage::path(&format!("media?limit=3{cursor}")))
            .await
            .expect(200)
            .json();
        let records = page["data"].as_array().unwrap();
        assert!(records.len() <= 3);
        seen.extend(
            records
                .iter()
                .map(|record| record["id"].as_str().unwrap().to_owned()),
        );
        if page["nextCursor"].is_null() {
            break;
        }
        let next = page["nextCursor"].to_string();
        cursor = format!("&cursor={}", next.trim_matches('"'));
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    let count = async |query: &str| {
        let page = stage
            .api
            .get(&Stage::path(&format!("media?{query}")))
            .await
            .expect(200)
            .json();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!(count("kind=audio").await, 3);
    assert_eq!(count("status=received").await, 7);
    assert_eq!(count("status=stored").await, 0);
    assert_eq!(count("messageId=3EB0LIST4").await, 1);
    assert_eq!(count("since=2020-01-01T00:00:00Z").await, 7);
    assert_eq!(count("since=2199-01-01T00:00:00Z").await, 0);
    for wrong in [
        "limit=0",
        "limit=x",
        "status=odd",
        "kind=odd",
        "since=yesterday",
        "cursor=%00odd",
    ] {
        let reply = stage.api.get(&Stage::path(&format!("media?{wrong}"))).await;
        assert_eq!(reply.status, 400, "{wrong}");
        assert!(!reply.code().is_empty(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_show_name_age_state_and_counters() {
    let mut plan = Plan::usual().await.on_demand();
    let made = "2026-01-02T03:04:05Z";
    plan.session = plan.session.with("/metadata", "creationTimestamp", made);
    let stage = plan.up().await;
    let (sealed, path) = stage.file(Kind::Image, 100);
    stage
        .take("3EB0SESSION", baileys::file(&sealed, &path))
        .await;
    let list = stage.api.get("/api/sessions").await.expect(200).data();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let one = stage
        .api
        .get(&format!("/api/sessions/{SESSION}"))
        .await
        .expect(200)
        .data();
    assert_eq!(one["name"], SESSION);
    assert_eq!(one["createdAt"], made);
    assert!(one["state"].is_string());
    assert_eq!(one["counters"]["received"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn persist_without_storage_is_409_and_download_works() {
    let stage = Plan::usual()
        .await
        .spec("storageRef", Value::Null)
        .up()
        .await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage
        .take("3EB0NOSTORAGE", baileys::file(&sealed, &path))
        .await;
    stage
        .persist(&media)
        .await
        .refused(409, "storage_not_configured");
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    let event = stage
        .sink
        .wait_for("message.received", "3EB0NOSTORAGE", SOON)
        .await;
    assert_eq!(event.json["payload"]["mediaId"], media.as_str());
    assert!(event.json["payload"].get("mediaUrl").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_port_tells_readiness_status_and_metrics() {
    let stage = Stage::up().await;
    let admin = stage.sidecar.admin();
    admin.get("/livez").await.expect(200);
    admin.get("/readyz").await.expect(200);
    let metrics = admin.get("/metrics").await.expect(200);
    assert!(
        String::from_utf8_lossy(&metrics.body).contains("# TYPE"),
        "no metrics"
    );
    let (sealed, path) = stage.file(Kind::Image, 100);
    let media = stage.take("3EB0ADMIN", baileys::file(&sealed, &path)).await;
    stage.reaches(&media, "stored").await;
    until(
        SOON,
        "the queue in /status is empty and one is stored",
        || async {
            let status = stage.status().await;
            let queue = &status["sessions"][0]["queue"];
            assert_eq!(status["sessions"][0]["session"], SESSION);
            assert!(status["version"].is_string());
            queue["stored"] == 1 && queue["queued"] == 0
        },
    )
    .await;
    // The API port serves no admin route, and the admin port no API.
    assert_eq!(stage.api.get("/status").await.status, 404);
    assert_eq!(
        admin.with_key(API_KEY).get("/api/sessions").await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivery_changes_nothing_and_returns_the_same_ids() {
    let stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Image, 2000);
    let payload = baileys::one("3EB0TWICE", baileys::file(&sealed, &path));
    let first = stage.inbound(&payload).await.expect(202).data();
    assert_eq!(
        (&first["accepted"], &first["duplicates"]),
        (&json!(1), &json!(0))
    );
    let media = first["media"][0]["mediaId"].as_str().unwrap().to_owned();
    let before = stage.reaches(&media, "stored").await;
    stage
        .sink
        .wait_for("message.received", "3EB0TWICE", SOON)
        .await;
    for _ in 0..3 {
        let again = stage.inbound(&payload).await.expect(202).data();
        assert_eq!(
            (&again["accepted"], &again["duplicates"]),
            (&json!(0), &json!(1))
        );
        assert_eq!(again["media"], first["media"]);
    }
    let mut after = stage.info(&media).await;
    for volatile in ["s3Url", "s3UrlExpiresAt"] {
        after[volatile] = before[volatile].clone();
    }
    assert_eq!(after, before);
    assert_eq!(stage.sink.about("3EB0TWICE").len(), 1);
    assert_eq!(stage.bucket.uploads().len(), 1);
}
