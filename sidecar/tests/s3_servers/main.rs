//! The bucket against real S3 servers, which check other things than each other: versitygw, SeaweedFS
//! and MinIO. They are installed by `tests/servers/`; a server that can't be had fails the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the lints exempt only functions marked as tests"
)]

mod server;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use server::{config, keys, open, start};
use sha2::{Digest, Sha256};
use titan_crds::Reason;
use titan_sidecar::bucket::{
    BoxError, Bucket, BucketConfig, BucketError, Encryption, NewObject, Object,
};
use titan_tests::s3::{ACCESS_KEY, Program, S3, SECRET_KEY};

/// Runs each fact against each server.
macro_rules! facts {
    ($($fact:ident)*) => {
        mod versitygw {
            use super::{Program, start};
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(&start(Program::Versitygw).await).await;
            })*
        }
        mod seaweedfs {
            use super::{Program, start};
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(&start(Program::Seaweedfs).await).await;
            })*
        }
        mod minio {
            use super::{Program, start};
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(&start(Program::Minio).await).await;
            })*
        }
    };
}

facts! {
    what_is_put_is_got_whole_and_in_part
    a_presigned_url_opens_its_object
    wrong_credentials_are_named_and_nothing_is_stored
    a_missing_bucket_is_named_and_not_created
    a_body_that_breaks_off_leaves_the_old_object
    a_wrong_body_under_a_right_hash_is_refused
    encryption_at_rest_is_accepted
}

fn object(key: &str, content: &[u8]) -> NewObject {
    NewObject {
        key: key.to_owned(),
        length: content.len() as u64,
        sha256: Sha256::digest(content).into(),
        content_type: "audio/ogg; codecs=opus".to_owned(),
        content_disposition: Some(
            "attachment; filename=\"_.ogg\"; filename*=UTF-8''%C3%BC.ogg".to_owned(),
        ),
        metadata: BTreeMap::from([("titan-message-id".to_owned(), "3EB0 ü%".to_owned())]),
    }
}

fn pieces(
    pieces: Vec<Result<Bytes, BoxError>>,
) -> impl http_body::Body<Data = Bytes, Error = BoxError> {
    StreamBody::new(stream::iter(
        pieces.into_iter().map(|piece| piece.map(Frame::data)),
    ))
}

fn body(content: &[u8]) -> impl http_body::Body<Data = Bytes, Error = BoxError> + use<> {
    pieces(
        content
            .chunks(60_000)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect(),
    )
}

fn noise(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap())
        .collect()
}

async fn put(bucket: &Bucket, key: &str, content: &[u8]) {
    bucket
        .put(&object(key, content), body(content))
        .await
        .unwrap();
    assert!(
        bucket.sends_checksum(),
        "the store refused the checksum header"
    );
}

async fn read(object: Object) -> Vec<u8> {
    let mut body = object.body;
    let mut content = Vec::new();
    while let Some(chunk) = body.next().await {
        content.extend_from_slice(&chunk.unwrap());
    }
    content
}

async fn stored(bucket: &Bucket, key: &str) -> Vec<u8> {
    read(bucket.get(key, None).await.unwrap()).await
}

async fn fetch(url: &str, range: &str) -> (u16, http::HeaderMap, Bytes) {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::get(url).body(Empty::new()).unwrap();
    if !range.is_empty() {
        request
            .headers_mut()
            .insert("range", range.parse().unwrap());
    }
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    (
        parts.status.as_u16(),
        parts.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

/// `check` must name what a large PUT may hide behind a closed connection.
async fn named(bucket: &Bucket, error: BucketError) -> Reason {
    if error.is_unclear() {
        return bucket
            .check(titan_sidecar::clock::now())
            .await
            .unwrap_err()
            .reason();
    }
    error.reason()
}

async fn what_is_put_is_got_whole_and_in_part(server: &S3) {
    let bucket = open(config(server));
    bucket.check(titan_sidecar::clock::now()).await.unwrap();
    for length in [0, 1, 65_536, 5_000_001] {
        let key = format!("wa/2026/ü {length}+&=.ogg");
        let content = noise(length);
        put(&bucket, &key, &content).await;
        let got = bucket.get(&key, None).await.unwrap();
        assert_eq!((got.status, got.length), (200, length as u64));
        assert_eq!(got.content_type.as_deref(), Some("audio/ogg; codecs=opus"));
        assert!(read(got).await == content, "{length} bytes differ");
    }
    let key = "wa/2026/ü 65536+&=.ogg";
    let content = noise(65_536);
    for (range, part, says) in [
        ("bytes=10-19", &content[10..20], "bytes 10-19/65536"),
        (
            "bytes=65530-",
            &content[65_530..],
            "bytes 65530-65535/65536",
        ),
        ("bytes=-3", &content[65_533..], "bytes 65533-65535/65536"),
    ] {
        let got = bucket.get(key, Some(range)).await.unwrap();
        assert_eq!(
            (got.status, got.content_range.as_deref()),
            (206, Some(says))
        );
        assert_eq!(read(got).await, part);
    }
    let outside = bucket.get(key, Some("bytes=65536-")).await.unwrap_err();
    assert!(
        matches!(outside, BucketError::RangeNotSatisfiable),
        "{outside:?}"
    );
    let missing = bucket.get("wa/nothing", None).await.unwrap_err();
    assert!(missing.is_missing_object(), "{missing:?}");
}

async fn a_presigned_url_opens_its_object(server: &S3) {
    let bucket = open(config(server));
    let key = "wa/a b/ü&=+%.jpg";
    let content = noise(1000);
    put(&bucket, key, &content).await;
    let now = titan_sidecar::clock::now();
    let signed = bucket.url(key, now).unwrap().url;
    let (status, headers, whole) = fetch(&signed, "").await;
    assert_eq!((status, whole.as_ref()), (200, content.as_slice()));
    assert_eq!(headers["content-type"], "audio/ogg; codecs=opus");
    let disposition = object(key, &content).content_disposition.unwrap();
    assert_eq!(headers["content-disposition"], disposition);
    assert_eq!(headers["x-amz-meta-titan-message-id"], "3EB0%20%C3%BC%25");
    let (status, _, part) = fetch(&signed, "bytes=5-9").await;
    assert_eq!((status, part.as_ref()), (206, &content[5..10]));

    let (plain, _) = signed.split_once('?').unwrap();
    assert_eq!(fetch(plain, "").await.0, 403);
    assert_eq!(fetch(&signed.replacen("jpg", "png", 1), "").await.0, 403);
    let expired = bucket
        .url(key, now - jiff::SignedDuration::from_hours(2))
        .unwrap()
        .url;
    assert!(matches!(fetch(&expired, "").await.0, 400 | 403));
}

async fn wrong_credentials_are_named_and_nothing_is_stored(server: &S3) {
    for (access, secret) in [(ACCESS_KEY, "wrong"), ("nobody", SECRET_KEY)] {
        let mut wrong = config(server);
        wrong.access = keys(access, secret);
        let wrong = open(wrong);
        for length in [3, 20_000_000] {
            let content = noise(length);
            let error = wrong
                .put(&object("wa/k", &content), body(&content))
                .await
                .unwrap_err();
            assert_eq!(
                named(&wrong, error).await,
                Reason::InvalidCredentials,
                "{access}, {length}"
            );
        }
        let error = wrong.get("wa/k", None).await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidCredentials);
        assert!(!error.is_missing_object());
    }
    let right = open(config(server));
    assert!(
        right
            .get("wa/k", None)
            .await
            .unwrap_err()
            .is_missing_object()
    );
}

async fn a_missing_bucket_is_named_and_not_created(server: &S3) {
    let elsewhere = open(BucketConfig {
        bucket: "not-there".to_owned(),
        ..config(server)
    });
    for length in [3, 20_000_000] {
        let content = noise(length);
        let error = elsewhere
            .put(&object("wa/k", &content), body(&content))
            .await
            .unwrap_err();
        assert_eq!(
            named(&elsewhere, error).await,
            Reason::NoSuchBucket,
            "{length}"
        );
    }
    let error = elsewhere.get("wa/k", None).await.unwrap_err();
    assert_eq!(error.reason(), Reason::NoSuchBucket);
    assert!(!error.is_missing_object());
}

async fn a_body_that_breaks_off_leaves_the_old_object(server: &S3) {
    let bucket = open(config(server));
    let (old, new) = (noise(1000), noise(3_000_000));
    put(&bucket, "wa/k", &old).await;
    for kept in [0, 1, 1_500_000, 2_999_999, 3_000_000] {
        let whole = Bytes::copy_from_slice(&new);
        let broken = pieces(vec![Ok(whole.slice(..kept)), Err("mac mismatch".into())]);
        let error = bucket.put(&object("wa/k", &new), broken).await.unwrap_err();
        assert!(error.body_aborted(), "cut after {kept}: {error:?}");
        assert_eq!(stored(&bucket, "wa/k").await, old, "cut after {kept}");
        let fresh = format!("wa/fresh-{kept}");
        let broken = pieces(vec![Ok(whole.slice(..kept)), Err("mac mismatch".into())]);
        assert!(bucket.put(&object(&fresh, &new), broken).await.is_err());
        assert!(
            bucket
                .get(&fresh, None)
                .await
                .unwrap_err()
                .is_missing_object()
        );
        put(&bucket, "wa/next", &old).await;
    }
    for (sent, promised) in [(1000, 1001), (1001, 1000)] {
        let content = noise(sent);
        let wrong = NewObject {
            length: promised,
            ..object("wa/k", &content)
        };
        assert!(
            bucket
                .put(&wrong, body(&content))
                .await
                .unwrap_err()
                .body_aborted()
        );
        assert_eq!(stored(&bucket, "wa/k").await, old);
    }
}

async fn a_wrong_body_under_a_right_hash_is_refused(server: &S3) {
    let bucket = open(config(server));
    for length in [10, 3_000_000] {
        let old = noise(length);
        put(&bucket, "wa/k", &old).await;
        for at in [0, length - 1] {
            let mut wrong = old.clone();
            wrong[at] ^= 1;
            let error = bucket
                .put(&object("wa/k", &old), body(&wrong))
                .await
                .unwrap_err();
            assert!(
                matches!(error, BucketError::DigestMismatch { .. }),
                "{error:?}"
            );
            assert!(
                stored(&bucket, "wa/k").await == old,
                "byte {at} of {length}"
            );
            let error = bucket
                .put(&object("wa/new", &old), body(&wrong))
                .await
                .unwrap_err();
            assert!(
                matches!(error, BucketError::DigestMismatch { .. }),
                "{error:?}"
            );
            assert!(
                bucket
                    .get("wa/new", None)
                    .await
                    .unwrap_err()
                    .is_missing_object()
            );
        }
    }
}

async fn encryption_at_rest_is_accepted(server: &S3) {
    let mut encrypted = config(server);
    encrypted.encryption = Encryption::Aes256;
    encrypted.storage_class = Some("STANDARD".to_owned());
    let bucket = open(encrypted);
    let content = noise(100_000);
    put(&bucket, "wa/k", &content).await;
    assert_eq!(stored(&bucket, "wa/k").await, content);
}
