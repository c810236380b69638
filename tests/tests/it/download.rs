//! Bytes for a caller: from the CDN while they are there, from the bucket once they are persisted.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde_json::json;
use titan_tests::baileys;
use titan_tests::bucket::Mode;
use titan_tests::cdn::Fault;
use titan_tests::media::Kind;
use titan_tests::stage::{BUCKET, Plan, Stage};
use titan_tests::wait::{SOON, until};

async fn on_demand() -> Stage {
    Plan::usual().await.on_demand().up().await
}

fn path_of(media: &str) -> String {
    Stage::path(&format!("media/{media}/download"))
}

#[tokio::test(flavor = "multi_thread")]
async fn download_describes_the_file_and_post_get_and_head_agree() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Document, 1_500_000);
    let media = stage.take("3EB0DOWN", baileys::file(&sealed, &path)).await;
    let head = stage
        .api
        .call("HEAD", &path_of(&media), &[], b"")
        .await
        .expect(200);
    assert!(stage.cdn.hits(&path).is_empty(), "HEAD asked the CDN");
    for method in ["POST", "GET"] {
        let reply = stage
            .api
            .call(method, &path_of(&media), &[], b"")
            .await
            .expect(200);
        assert_eq!(reply.body, sealed.plain);
        let digest = format!("sha-256=:{}:", STANDARD.encode(sealed.sha256));
        let etag = format!("\"{}\"", hex::encode(sealed.sha256));
        for (name, value) in [
            ("content-type", "application/pdf"),
            ("content-length", "1500000"),
            ("etag", &etag),
            ("repr-digest", &digest),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {name}");
            assert_eq!(head.header(name), Some(value), "HEAD {name}");
        }
        let disposition = reply.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment") && disposition.contains("contract.pdf"));
    }
    let etag = format!("\"{}\"", hex::encode(sealed.sha256));
    let before = stage.cdn.hits(&path).len();
    let cached = stage
        .api
        .call("GET", &path_of(&media), &[("if-none-match", &etag)], b"")
        .await;
    assert_eq!((cached.status, cached.body.len()), (304, 0));
    assert_eq!(stage.cdn.hits(&path).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_names_and_types_cannot_make_a_browser_run_anything() {
    let stage = on_demand().await;
    for (index, (mime, inline)) in [
        ("text/html", false),
        ("image/svg+xml", false),
        ("application/xhtml+xml", false),
        ("image/jpeg", true),
        ("image/jpeg\r\nSet-Cookie: a=b", false),
        ("nonsense", false),
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Document, 64);
        let mut content = baileys::file_with(&sealed, &path, "mimetype", json!(mime));
        content["documentMessage"]["fileName"] =
            json!("a\"; filename=\"b.exe\r\nX-Evil: 1/..\\c.html");
        let media = stage.take(&format!("3EB0NAME{index}"), content).await;
        let reply = stage.api.get(&path_of(&media)).await.expect(200);
        let disposition = reply.header("content-disposition").unwrap();
        assert_eq!(
            disposition.starts_with("inline"),
            inline,
            "{mime}: {disposition}"
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("set-cookie").is_none() && reply.header("x-evil").is_none());
        assert!(!disposition.contains("filename=\"b.exe"), "{disposition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_byte_comes_before_the_cdn_is_done() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Video, 4_000_000);
    stage
        .cdn
        .fail(&path, [Fault::Trickle(200_000, Duration::from_millis(150))]);
    let media = stage.take("3EB0EARLY", baileys::file(&sealed, &path)).await;
    let started = Instant::now();
    let answer = stage
        .api
        .open("GET", &path_of(&media), &[], "")
        .await
        .unwrap();
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let early = started.elapsed();
    assert!(!first.is_empty());
    let sent: u64 = stage.cdn.hits(&path).iter().map(|hit| hit.sent).sum();
    assert!(
        sent < 3_000_000,
        "the first byte came after {sent} bytes of the CDN ({early:?})"
    );
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!([first, rest].concat(), sealed.plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn range_of_a_persisted_file_is_served_from_the_bucket() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Video, 300_000);
    let media = stage.take("3EB0RANGE", baileys::file(&sealed, &path)).await;
    // Without a streaming sidecar no range from the CDN can be verified: the whole file is sent.
    let whole = stage
        .api
        .call("GET", &path_of(&media), &[("range", "bytes=0-9")], b"")
        .await;
    assert_eq!(whole.expect(200).body, sealed.plain);
    stage.persist(&media).await.expect(200);
    let fetched = stage.cdn.hits(&path).len();
    let etag = format!("\"{}\"", hex::encode(sealed.sha256));
    for (range, first, end) in [
        ("bytes=0-9", 0, 10),
        ("bytes=299990-", 299_990, 300_000),
        ("bytes=-7", 299_993, 300_000),
    ] {
        let reply = stage
            .api
            .call("GET", &path_of(&media), &[("range", range)], b"")
            .await
            .expect(206);
        assert_eq!(reply.body, sealed.plain[first..end]);
        let content_range = format!("bytes {first}-{}/300000", end - 1);
        assert_eq!(reply.header("content-range"), Some(&*content_range));
        assert_eq!(reply.header("etag"), Some(&*etag));
        assert_eq!(reply.header("content-type"), Some("video/mp4"));
    }
    let same = [("range", "bytes=5-6"), ("if-range", &*etag)];
    assert_eq!(
        stage
            .api
            .call("GET", &path_of(&media), &same, b"")
            .await
            .status,
        206
    );
    let other = [("range", "bytes=5-6"), ("if-range", "\"other\"")];
    assert_eq!(
        stage
            .api
            .call("GET", &path_of(&media), &other, b"")
            .await
            .status,
        200
    );
    let beyond = stage
        .api
        .call("GET", &path_of(&media), &[("range", "bytes=300000-")], b"")
        .await;
    beyond.refused(416, "range_not_satisfiable");
    let several = stage
        .api
        .call("GET", &path_of(&media), &[("range", "bytes=0-1,5-6")], b"")
        .await;
    assert_eq!(several.status, 200);
    assert_eq!(
        stage.cdn.hits(&path).len(),
        fetched,
        "a persisted file was fetched from the CDN"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_object_is_served_from_the_cdn_while_it_lasts_and_410_after() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 200_000);
    let media = stage.take("3EB0LOST", baileys::file(&sealed, &path)).await;
    stage.persist(&media).await.expect(200);
    let key = stage.info(&media).await["key"].as_str().unwrap().to_owned();
    stage.bucket.delete(BUCKET, &key);
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    // What the CDN still had is in the bucket again.
    until(SOON, "it is saved again", || async {
        stage.bucket.object(BUCKET, &key).is_some()
    })
    .await;
    stage.reaches(&media, "stored").await;
    // With Put and Get alone AWS answers 403 for a key that is missing.
    stage.bucket.set_mode(Mode::Refuse(403, "AccessDenied"));
    assert_eq!(stage.download(&media).await.expect(200).body, sealed.plain);
    assert_eq!(stage.info(&media).await["status"], "stored");
    stage.bucket.delete(BUCKET, &key);
    stage.cdn.remove(&path);
    stage.download(&media).await.refused(410, "object_gone");
    stage.bucket.set_mode(Mode::Up);
    stage.download(&media).await.refused(410, "object_gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn persisted_object_that_was_changed_is_never_a_complete_answer() {
    let stage = on_demand().await;
    for length in [1000, 3_000_000] {
        let (sealed, path) = stage.file(Kind::Image, length);
        let media = stage
            .take(
                &format!("3EB0CHANGED{length}"),
                baileys::file(&sealed, &path),
            )
            .await;
        stage.persist(&media).await.expect(200);
        stage.cdn.remove(&path);
        let key = stage.info(&media).await["key"].as_str().unwrap().to_owned();
        let mut other = sealed.plain.to_vec();
        other[length - 1] ^= 1;
        let target = format!("/{BUCKET}/{key}");
        titan_tests::api::Api::new(&stage.bucket.url())
            .call("PUT", &target, &[], &other)
            .await
            .expect(200);
        let key = format!("Bearer {}", titan_tests::stage::API_KEY);
        let headers = [("authorization", key.as_str())];
        let seen = titan_tests::socket::request(
            &stage.sidecar.address(),
            "GET",
            &path_of(&media),
            &headers,
        )
        .await;
        assert!(
            !seen.complete_success(),
            "{length}: {} bytes of a changed object",
            seen.body.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_files_are_410_and_an_unreachable_cdn_502() {
    let stage = on_demand().await;
    for (index, fault) in [
        Fault::Status(404, ""),
        Fault::Status(410, ""),
        Fault::Status(403, "URL signature expired"),
    ]
    .into_iter()
    .enumerate()
    {
        let (sealed, path) = stage.file(Kind::Image, 2000);
        stage.cdn.fail_always(&path, fault);
        let media = stage
            .take(&format!("3EB0GONE{index}"), baileys::file(&sealed, &path))
            .await;
        stage.download(&media).await.refused(410, "media_expired");
        stage.persist(&media).await.refused(410, "media_expired");
    }
    let (sealed, path) = stage.file(Kind::Image, 2000);
    stage.cdn.fail_always(&path, Fault::Status(500, "oops"));
    let media = stage.take("3EB0OOPS", baileys::file(&sealed, &path)).await;
    stage.download(&media).await.refused(502, "cdn_unreachable");
}
