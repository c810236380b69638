//! Put, get and URLs against the embedded server, which checks signatures and hashes.

use base64::Engine as _;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::*;

fn now() -> jiff::Timestamp {
    crate::clock::now()
}

async fn fetch(url: &str, range: Option<&str>) -> (u16, http::HeaderMap, Bytes) {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::get(url);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = client
        .request(request.body(Empty::new()).unwrap())
        .await
        .unwrap();
    let (parts, body) = answer.into_parts();
    (
        parts.status.as_u16(),
        parts.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

#[tokio::test]
async fn what_is_put_is_got() {
    let server = server().await;
    let bucket = server.bucket();
    for length in [0, 1, 16 * 1024, 300_001] {
        let content = noise(length);
        let key = format!("a/ö {length}+.ogg");
        let put = bucket
            .put(&object(&key, &content), chunks(&content))
            .await
            .unwrap();
        assert!(put.etag.is_some());
        let got = bucket.get(&key, None).await.unwrap();
        assert_eq!((got.status, got.length), (200, length as u64));
        assert_eq!(got.content_type.as_deref(), Some("audio/ogg; codecs=opus"));
        assert_eq!(got.etag, put.etag);
        assert_eq!(read(got).await, content);
    }
    assert!(bucket.sends_checksum());
}

#[tokio::test]
async fn a_range_is_passed_through() {
    let server = server().await;
    let bucket = server.bucket();
    let content = noise(1000);
    bucket
        .put(&object("k", &content), chunks(&content))
        .await
        .unwrap();
    let got = bucket.get("k", Some("bytes=10-19")).await.unwrap();
    assert_eq!((got.status, got.length), (206, 10));
    assert_eq!(got.content_range.as_deref(), Some("bytes 10-19/1000"));
    assert_eq!(read(got).await, &content[10..20]);
    let tail = bucket.get("k", Some("bytes=-3")).await.unwrap();
    assert_eq!(read(tail).await, &content[997..]);
    let outside = bucket.get("k", Some("bytes=1000-")).await.unwrap_err();
    assert!(
        matches!(outside, BucketError::RangeNotSatisfiable),
        "{outside:?}"
    );
}

#[tokio::test]
async fn a_presigned_url_opens_its_object_for_anyone_until_it_expires() {
    let server = server().await;
    let bucket = server.bucket();
    let content = noise(500);
    let key = "a b/ü&=+%.jpg";
    bucket
        .put(&object(key, &content), chunks(&content))
        .await
        .unwrap();
    let signed = bucket.url(key, now()).unwrap();
    let (status, headers, body) = fetch(&signed.url, None).await;
    assert_eq!((status, body.as_ref()), (200, content.as_slice()));
    assert_eq!(headers["content-type"], "audio/ogg; codecs=opus");
    assert_eq!(
        headers["content-disposition"],
        "inline; filename=\"voice.ogg\""
    );
    assert_eq!(headers["x-amz-meta-messageid"], "3EB0%20%C3%A4");
    let (status, _, body) = fetch(&signed.url, Some("bytes=5-9")).await;
    assert_eq!((status, body.as_ref()), (206, &content[5..10]));

    let (plain, _) = signed.url.split_once('?').unwrap();
    assert_eq!(fetch(plain, None).await.0, 403);
    let other = signed.url.replacen("a%20b", "a%20c", 1);
    assert_eq!(fetch(&other, None).await.0, 403);
    let long_ago = now() - jiff::SignedDuration::from_hours(2);
    let expired = bucket.url(key, long_ago).unwrap();
    assert_eq!(fetch(&expired.url, None).await.0, 403);
}

#[tokio::test]
async fn wrong_credentials_and_a_missing_bucket_are_told_apart() {
    let server = server().await;
    let mut config = server.config();
    keys_of(&mut config).secret_access_key = "wrong".to_owned();
    let bucket = Bucket::new(config, policy()).unwrap();
    let error = bucket
        .put(&object("k", b"x"), chunks(b"x"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidCredentials);
    assert_eq!(
        bucket.check(now()).await.unwrap_err().reason(),
        Reason::InvalidCredentials
    );
    let error = bucket.get("k", None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidCredentials);
    assert!(!error.is_missing_object());

    let mut config = server.config();
    config.bucket = "nothing-here".to_owned();
    let bucket = Bucket::new(config, policy()).unwrap();
    let error = bucket
        .put(&object("k", b"x"), chunks(b"x"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::NoSuchBucket);
    assert!(
        !server.folder.path().join("nothing-here").exists(),
        "a bucket was created"
    );
}

#[tokio::test]
async fn a_missing_object_is_told() {
    let server = server().await;
    let error = server.bucket().get("nothing", None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::StoreError);
    assert!(error.is_missing_object());
}

#[tokio::test]
async fn a_check_writes_the_one_probe_object() {
    let server = server().await;
    let mut config = server.config();
    config.prefix = "whatsapp/".to_owned();
    let bucket = Bucket::new(config, policy()).unwrap();
    bucket.check(now()).await.unwrap();
    let probe = bucket
        .get("whatsapp/.titan-media-probe", None)
        .await
        .unwrap();
    assert_eq!(probe.status, 200);
    assert!(read(probe).await.starts_with(b"Titan Media"));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_old_object_and_the_next_put_works() {
    let server = server().await;
    let bucket = server.bucket();
    let old = noise(100);
    bucket.put(&object("k", &old), chunks(&old)).await.unwrap();
    let new = noise(200_000);
    for kept in [0, 1, 100_000, 199_999] {
        let broken = pieces(vec![
            Ok(Bytes::copy_from_slice(&new[..kept])),
            Err("mac mismatch".into()),
        ]);
        let error = bucket.put(&object("k", &new), broken).await.unwrap_err();
        assert!(error.body_aborted(), "{error:?}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "mac mismatch");
        assert_eq!(read(bucket.get("k", None).await.unwrap()).await, old);
        bucket
            .put(&object("other", &old), chunks(&old))
            .await
            .unwrap();
    }
    // The error may also come when all bytes are there: the last chunk waits for the end.
    let late = pieces(vec![
        Ok(Bytes::copy_from_slice(&new)),
        Err("padding".into()),
    ]);
    assert!(
        bucket
            .put(&object("k", &new), late)
            .await
            .unwrap_err()
            .body_aborted()
    );
    assert_eq!(read(bucket.get("k", None).await.unwrap()).await, old);
}

#[tokio::test]
async fn a_body_of_another_length_is_cut() {
    let server = server().await;
    let bucket = server.bucket();
    for (content, promised) in [
        (noise(99_999), 100_000),
        (noise(100_001), 100_000),
        (noise(1), 0),
    ] {
        let object = NewObject {
            length: promised,
            ..object("k", &content)
        };
        let error = bucket.put(&object, chunks(&content)).await.unwrap_err();
        assert!(
            matches!(error, BucketError::BodyLength { promised: p, .. } if p == promised),
            "{error:?}"
        );
        assert!(bucket.get("k", None).await.unwrap_err().is_missing_object());
    }
}

#[tokio::test]
async fn a_wrong_body_under_a_right_hash_is_refused_and_the_old_object_kept() {
    let server = server().await;
    let bucket = server.bucket();
    let old = noise(70_000);
    bucket.put(&object("k", &old), chunks(&old)).await.unwrap();
    let mut wrong = noise(70_000);
    wrong[69_999] ^= 1;
    let error = bucket
        .put(&object("k", &old), chunks(&wrong))
        .await
        .unwrap_err();
    assert!(!error.body_aborted(), "{error:?}");
    assert_eq!(read(bucket.get("k", None).await.unwrap()).await, old);
}

#[tokio::test]
async fn the_embedded_server_checks_the_content_hash_in_time_and_the_checksum_too_late() {
    let server = server().await;
    let bucket = server.bucket();
    let (old, wrong) = (noise(70_000), noise(70_001)[1..].to_vec());
    bucket.put(&object("k", &old), chunks(&old)).await.unwrap();
    bucket.refuse_checksum();
    let refused = bucket.put(&object("k", &old), chunks(&wrong)).await;
    assert!(refused.is_err());
    assert_eq!(read(bucket.get("k", None).await.unwrap()).await, old);

    let checksum = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&old));
    let request = bucket.client.put_object().bucket("media").key("k");
    let body = aws_sdk_s3::primitives::ByteStream::from_body_1_x(chunks(&wrong));
    let length = i64::try_from(wrong.len()).unwrap();
    let refused = request
        .content_length(length)
        .checksum_sha256(checksum)
        .body(body)
        .send()
        .await;
    assert_eq!(
        refused
            .unwrap_err()
            .raw_response()
            .unwrap()
            .status()
            .as_u16(),
        400
    );
    // The 400 comes after the old object has been replaced: why our PUTs carry both.
    assert_eq!(read(bucket.get("k", None).await.unwrap()).await, wrong);
}
