//! A download that is not the file's bytes from the CDN: its thumbnail, a redirect to its object,
//! and channels' files, which are plaintext on the CDN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::cdn::Fault;
use titan_tests::media::{Kind, Sealed, digest};
use titan_tests::s3::{Program, S3};
use titan_tests::stage::{BUCKET, Plan, Stage};

/// The least that is a JPEG by its first bytes.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a small picture";
const LARGER: &[u8] = b"\xFF\xD8\xFF\xE0 a larger picture";

async fn on_demand() -> Stage {
    Plan::usual().await.on_demand().up().await
}

fn thumbnail_of(media: &str) -> String {
    Stage::path(&format!("media/{media}/download?variant=thumbnail"))
}

/// An image with an inline thumbnail and, at `thumbnail`, one on the CDN.
fn image(sealed: &Sealed, path: &str, inline: &[u8], thumbnail: Option<(&Sealed, &str)>) -> Value {
    let mut content = baileys::file(sealed, path);
    let node = &mut content["imageMessage"];
    if !inline.is_empty() {
        node["jpegThumbnail"] = json!(STANDARD.encode(inline));
    }
    if let Some((thumbnail, path)) = thumbnail {
        node["thumbnailDirectPath"] = json!(path);
        node["thumbnailSha256"] = json!(STANDARD.encode(thumbnail.sha256));
        node["thumbnailEncSha256"] = json!(STANDARD.encode(thumbnail.enc_sha256));
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_thumbnail_is_served_without_the_cdn() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let content = image(&sealed, &path, JPEG, None);
    let media = stage.take("3EB0THUMB", content).await;
    let etag = format!("\"{}\"", hex::encode(digest(JPEG)));
    for method in ["GET", "POST", "HEAD"] {
        let reply = stage
            .api
            .call(method, &thumbnail_of(&media), &[], b"")
            .await;
        let reply = reply.expect(200);
        let length = JPEG.len().to_string();
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("content-disposition", "inline"),
            ("content-length", &length),
            ("x-content-type-options", "nosniff"),
            ("accept-ranges", "none"),
            ("etag", &etag),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {name}");
        }
        assert!(method == "HEAD" || reply.body == JPEG);
    }
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("range", "bytes=0-3", 200),
    ] {
        let headers = [(name, value)];
        let reply = stage
            .api
            .call("GET", &thumbnail_of(&media), &headers, b"")
            .await;
        assert_eq!(reply.status, status, "{name} {value}");
    }
    assert!(stage.cdn.all_hits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sticker_has_a_png_for_a_thumbnail() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1A\n a small picture";
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Sticker, 3000);
    let inline = json!(STANDARD.encode(PNG));
    let content = baileys::file_with(&sealed, &path, "pngThumbnail", inline);
    let media = stage.take("3EB0STICKER", content).await;
    let reply = stage.api.get(&thumbnail_of(&media)).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("image/png"));
    assert_eq!(reply.body, PNG);
    assert!(stage.cdn.all_hits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_thumbnail_comes_from_the_cdn_while_that_has_a_right_one() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    let larger = Sealed::image_thumbnail(sealed.key, LARGER);
    let thumbnail_path = stage.cdn.put(&larger.blob);
    let content = image(&sealed, &path, JPEG, Some((&larger, &thumbnail_path)));
    let media = stage.take("3EB0LARGER", content).await;
    let head = stage
        .api
        .call("HEAD", &thumbnail_of(&media), &[], b"")
        .await;
    assert!(stage.cdn.all_hits().is_empty());
    let reply = stage.api.get(&thumbnail_of(&media)).await.expect(200);
    assert_eq!(reply.body, LARGER);
    assert_eq!(head.expect(200).header("etag"), reply.header("etag"));
    let asked = stage.cdn.hits(&thumbnail_path);
    assert!(asked[0].query.contains("mms-type=thumbnail-image"));
    assert!(stage.cdn.hits(&path).is_empty(), "the file was fetched");
    stage.cdn.fail_always(&thumbnail_path, Fault::Flip(3));
    let small = stage.api.get(&thumbnail_of(&media)).await.expect(200);
    assert_eq!(small.body, JPEG);
    stage.cdn.heal(&thumbnail_path);
    stage.cdn.remove(&thumbnail_path);
    let small = stage.api.get(&thumbnail_of(&media)).await.expect(200);
    assert_eq!(small.body, JPEG);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_thumbnail_is_404_and_a_lost_or_corrupt_one_says_why() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 3000);
    for (index, inline) in [&b""[..], b"<svg onload=alert(1)>", b"GIF89a"]
        .into_iter()
        .enumerate()
    {
        let content = image(&sealed, &path, inline, None);
        let media = stage.take(&format!("3EB0NONE{index}"), content).await;
        let none = stage.api.get(&thumbnail_of(&media)).await;
        none.refused(404, "thumbnail_not_found");
        let head = stage
            .api
            .call("HEAD", &thumbnail_of(&media), &[], b"")
            .await;
        assert_eq!(head.status, 404);
    }
    let larger = Sealed::image_thumbnail(sealed.key, LARGER);
    let at = stage.cdn.put(&larger.blob);
    let content = image(&sealed, &path, b"", Some((&larger, &at)));
    let media = stage.take("3EB0LOSTTHUMB", content).await;
    stage.cdn.fail_always(&at, Fault::Flip(3));
    let corrupt = stage.api.get(&thumbnail_of(&media)).await;
    corrupt.refused(502, "integrity_failed");
    stage.cdn.remove(&at);
    let gone = stage.api.get(&thumbnail_of(&media)).await;
    gone.refused(410, "media_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_plaintext_file_is_verified_and_persisted_like_any_other() {
    let stage = on_demand().await;
    for length in [5000, 1_500_000] {
        let (sealed, _) = stage.file(Kind::Video, length);
        let path = stage.cdn.put(&sealed.plain);
        let mut content = baileys::file(&sealed, &path);
        let node = content["videoMessage"].as_object_mut().unwrap();
        node.remove("mediaKey");
        node.remove("fileEncSha256");
        node.insert(
            "streamingSidecar".into(),
            json!(STANDARD.encode(sealed.sidecar())),
        );
        let id = format!("3EB0NEWS{length}");
        let message = baileys::message_in("120363025246125486@newsletter", &id, content);
        let reply = stage
            .inbound(&baileys::upsert(&[message]))
            .await
            .expect(202);
        let media = reply.data()["media"][0]["mediaId"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(stage.download(&media).await.expect(200).body == sealed.plain);
        let query = stage.cdn.hits(&path)[0].query.clone();
        assert!(query.contains("mms-type=newsletter-video"), "{query}");
        // Plaintext has no MACs that a sidecar could be made of.
        let target = Stage::path(&format!("media/{media}/download"));
        let headers = [("range", "bytes=0-9")];
        let whole = stage.api.call("GET", &target, &headers, b"").await;
        assert_eq!(whole.expect(200).header("accept-ranges"), Some("none"));
        stage.cdn.fail_always(&path, Fault::Flip(length - 1));
        let corrupt = stage.api.try_call("POST", &target, &[], b"").await;
        assert!(corrupt.is_err() || corrupt.unwrap().status == 502);
        stage.cdn.heal(&path);
        stage.persist(&media).await.expect(200);
        let info = stage.info(&media).await;
        assert_eq!(stage.object(&info).sha256, sealed.sha256);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_leads_to_the_object_once_it_is_persisted() {
    let server = S3::start(Program::Versitygw, BUCKET).await;
    for mode in ["Presigned", "Direct"] {
        let mut plan = Plan::usual().await.on_demand();
        plan.storage = plan
            .storage
            .spec("endpoint", server.url())
            .spec("url", json!({"mode": mode}));
        let stage = plan.up().await;
        let (sealed, path) = stage.file(Kind::Document, 20_000);
        let media = stage
            .take(
                &format!("3EB0REDIRECT{mode}"),
                baileys::file(&sealed, &path),
            )
            .await;
        let target = Stage::path(&format!("media/{media}/download?redirect=true"));
        let before = stage.api.post(&target).await.expect(200);
        assert_eq!(before.body, sealed.plain);
        stage.persist(&media).await.expect(200);
        for method in ["POST", "GET", "HEAD"] {
            let reply = stage.api.call(method, &target, &[], b"").await.expect(302);
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            let location = reply.header("location").unwrap();
            assert!(location.contains("X-Amz-Signature="), "{mode}");
            let object = Api::fetch(location, &[]).await.expect(200);
            assert_eq!(object.body, sealed.plain);
            let disposition = object.header("content-disposition").unwrap();
            assert!(disposition.contains("contract.pdf"), "{disposition}");
        }
        let bytes = stage.api.post(&target.replace("true", "false")).await;
        assert_eq!(bytes.expect(200).body, sealed.plain);
        let etag = format!("\"{}\"", hex::encode(sealed.sha256));
        let headers = [("if-none-match", etag.as_str())];
        let cached = stage.api.call("GET", &target, &headers, b"").await;
        assert_eq!(cached.status, 304);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn object_replaced_by_another_length_gives_no_range() {
    let stage = on_demand().await;
    let (sealed, path) = stage.file(Kind::Image, 300_000);
    let media = stage.take("3EB0OTHER", baileys::file(&sealed, &path)).await;
    stage.persist(&media).await.expect(200);
    let info = stage.info(&media).await;
    let object = format!("/{BUCKET}/{}", info["key"].as_str().unwrap());
    Api::new(&stage.bucket.url())
        .call("PUT", &object, &[], &sealed.plain[..1000])
        .await
        .expect(200);
    let target = Stage::path(&format!("media/{media}/download"));
    let headers = [("range", "bytes=0-9")];
    // The CDN still has the right file, whole.
    let reply = stage.api.call("GET", &target, &headers, b"").await;
    assert!(reply.expect(200).body == sealed.plain);
    stage.cdn.remove(&path);
    let reply = stage.api.call("GET", &target, &headers, b"").await;
    reply.refused(502, "integrity_failed");
}
