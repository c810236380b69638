//! What senders describe wrongly, and what callers of media routes say that makes no sense.

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::media::Kind;
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::SOON;

/// Method and path below a session, `{media}` for the record's id.
const ROUTES: [(&str, &str); 10] = [
    ("GET", "media"),
    ("GET", "media/{media}"),
    ("DELETE", "media/{media}"),
    ("POST", "media/{media}/download"),
    ("GET", "media/{media}/download"),
    ("HEAD", "media/{media}/download"),
    ("GET", "media/{media}/download?variant=thumbnail"),
    ("POST", "media/{media}/persist"),
    ("POST", "media/{media}/retry"),
    ("POST", "media/retry"),
];

async fn one_file() -> (Stage, String) {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0BAD", baileys::file(&sealed, &path)).await;
    (stage, media)
}

/// Nothing was fetched, saved, queued or told.
async fn assert_untouched(stage: &Stage, media: &str, case: &str) {
    let info = stage.info(media).await;
    assert_eq!(info["status"], "received", "{case}: {info}");
    assert!(stage.cdn.all_hits().is_empty(), "{case}: the CDN was asked");
    assert!(stage.bucket.uploads().is_empty(), "{case}: it was saved");
}

async fn assert_refused(api: &Api, (method, path): (&str, &str), status: u16, code: &str) {
    let reply = api.call(method, path, &[], b"").await;
    if method == "HEAD" {
        assert_eq!(reply.status, status, "{method} {path}");
    } else {
        reply.refused(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sender_described_wrongly_is_422_everywhere_and_never_fetched() {
    let (stage, media) = one_file().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    for (index, (field, value)) in [
        ("mediaKey", json!("AAAA")),
        ("mediaKey", json!("not base64 !")),
        ("fileSha256", json!("AAAA")),
        ("fileEncSha256", json!("AAAA")),
        ("fileLength", json!("-5")),
        ("fileLength", json!("99999999999999")),
        ("directPath", json!("//evil.example/x?oe=7FFFFF00")),
        ("directPath", json!("https://evil.example/x")),
        ("directPath", json!("/v/../../etc/passwd")),
        ("directPath", json!("/v/../../@evil.example\\x")),
        ("directPath", json!("/v/t62@evil.example/x")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut content: Value = baileys::file_with(&sealed, &path, field, value);
        let node = content["imageMessage"].as_object_mut().unwrap();
        node.insert("jpegThumbnail".to_owned(), json!("/9j/4AAQ"));
        if field == "directPath" {
            node.remove("url");
        }
        let id = format!("3EB0FAULT{index}");
        let faulty = stage.take(&id, content).await;
        for (method, route) in ROUTES {
            let acts = route.contains("{media}/");
            if acts {
                let path = Stage::path(&route.replace("{media}", &faulty));
                assert_refused(&stage.api, (method, &path), 422, "media_invalid").await;
            }
        }
        let info = stage.info(&faulty).await;
        assert_eq!(info["error"]["code"], "media_invalid", "{field}");
        let event = stage.sink.wait_for("message.received", &id, SOON).await;
        let payload = &event.json["payload"];
        assert_eq!(payload["mediaError"]["code"], "media_invalid", "{field}");
        assert!(payload.get("mediaUrl").is_none(), "{field}");
    }
    let all = stage.api.post(&Stage::path("media/retry")).await;
    assert_eq!(all.expect(200).data()["queued"], 0);
    assert_untouched(&stage, &media, "faults").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_headers_and_bodies_are_ignored() {
    let (stage, media) = one_file().await;
    let download = Stage::path(&format!("media/{media}/download"));
    for (name, value) in [
        ("range", "bytes=0-18446744073709551616"),
        ("range", "bytes=-"),
        ("range", "lines=1-2"),
        ("if-range", "\"x\""),
        ("if-none-match", "x"),
        ("if-none-match", "\"unterminated"),
        ("accept", "application/x-nothing"),
    ] {
        let reply = stage
            .api
            .call("POST", &download, &[(name, value)], b"{broken json")
            .await;
        assert_eq!(
            (reply.status, reply.body.len()),
            (200, 3000),
            "{name}: {value}"
        );
    }
    let persist = Stage::path(&format!("media/{media}/persist"));
    for prefer in [
        "wait=",
        "wait=x",
        "respond-asynchronously",
        ";;,,=",
        "wait=-1",
    ] {
        let headers = [("prefer", prefer), ("content-type", "text/plain")];
        let reply = stage.api.call("POST", &persist, &headers, b"odd").await;
        assert_eq!(reply.status, 200, "{prefer}");
    }
    assert_eq!(stage.bucket.uploads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_storage_nothing_is_queued() {
    let stage = Plan::usual()
        .await
        .on_demand()
        .spec("storageRef", Value::Null)
        .up()
        .await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage
        .take("3EB0NOWHERE", baileys::file(&sealed, &path))
        .await;
    for route in [
        "media/{media}/persist",
        "media/{media}/retry",
        "media/retry",
    ] {
        let path = Stage::path(&route.replace("{media}", &media));
        assert_refused(&stage.api, ("POST", &path), 409, "storage_not_configured").await;
    }
    let persist = Stage::path(&format!("media/{media}/persist"));
    let headers = [("prefer", "respond-async")];
    let reply = stage.api.call("POST", &persist, &headers, b"").await;
    reply.refused(409, "storage_not_configured");
    assert_eq!(stage.info(&media).await["status"], "received");
    let target = Stage::path(&format!("media/{media}/download?redirect=true"));
    assert_eq!(stage.api.get(&target).await.expect(200).body, sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_down_a_persisted_file_still_comes_from_the_cdn() {
    let stage = Plan::usual().await.on_demand().up().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let media = stage.take("3EB0DOWN", baileys::file(&sealed, &path)).await;
    stage.persist(&media).await.expect(200);
    stage
        .bucket
        .set_mode(titan_tests::bucket::Mode::Refuse(500, "InternalError"));
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    stage.cdn.remove(&path);
    let reply = stage.download(&media).await;
    reply.refused(503, "storage_unavailable");
    assert!(reply.header("retry-after").is_some());
}
