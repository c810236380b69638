//! Presigned, direct and public URLs.

use jiff::{SignedDuration, Timestamp};

use super::super::url::{self, MAX_EXPIRY};
use super::*;

fn at() -> Timestamp {
    "2026-01-02T03:04:05.678Z".parse().unwrap()
}

fn object_url(config: &BucketConfig, key: &str, now: Timestamp) -> Result<ObjectUrl, BucketError> {
    let Access::Keys(keys) = &config.access else {
        panic!("{config:?}");
    };
    url::object_url(config, Some(keys), key, now)
}

#[test]
fn a_public_url_is_the_key_below_the_base() {
    for base in ["https://cdn.acme.com/files", "https://cdn.acme.com/files/"] {
        let mut config = config("http://minio:9000");
        config.url = UrlMode::Public {
            base: Url::parse(base).unwrap(),
        };
        let url = object_url(&config, "wa/a b?#.jpg", at()).unwrap();
        assert_eq!(url.url, "https://cdn.acme.com/files/wa/a%20b%3F%23.jpg");
        assert_eq!(url.expires_at, None);
    }
}

#[test]
fn direct_and_presigned_urls_use_the_public_endpoint() {
    let mut config = config("http://minio.acme.svc:9000");
    config.public_endpoint = Some(Url::parse("https://s3.acme.com").unwrap());
    let signed = object_url(&config, "k.jpg", at()).unwrap();
    assert!(
        signed.url.starts_with("https://s3.acme.com/media/k.jpg?"),
        "{}",
        signed.url
    );
    config.url = UrlMode::Direct;
    let direct = object_url(&config, "k.jpg", at()).unwrap();
    assert_eq!(direct.url, "https://s3.acme.com/media/k.jpg");
    config.public_endpoint = None;
    let inside = object_url(&config, "k.jpg", at()).unwrap();
    assert_eq!(inside.url, "http://minio.acme.svc:9000/media/k.jpg");
}

/// What `X-Amz-Expires` says, and when we say that the URL ends.
fn lifetime(config: &BucketConfig) -> (u64, Timestamp) {
    let signed = object_url(config, "k", at()).unwrap();
    let url = Url::parse(&signed.url).unwrap();
    let of = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    assert_eq!(of("X-Amz-Date"), "20260102T030405Z");
    (
        of("X-Amz-Expires").parse().unwrap(),
        signed.expires_at.unwrap(),
    )
}

#[test]
fn a_url_lives_as_long_as_asked_but_no_longer_than_a_week_or_its_credentials() {
    let second: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let mut config = config("http://minio");
    assert_eq!(
        lifetime(&config),
        (3600, second + SignedDuration::from_hours(1))
    );
    config.url = UrlMode::Presigned {
        expires_in: MAX_EXPIRY * 2,
    };
    assert_eq!(
        lifetime(&config),
        (604_800, second + SignedDuration::from_hours(168))
    );
    keys_of(&mut config).expires_at = Some(at() + SignedDuration::from_secs(90));
    assert_eq!(
        lifetime(&config),
        (90, second + SignedDuration::from_secs(90))
    );
    keys_of(&mut config).expires_at = Some(at());
    let ended = object_url(&config, "k", at()).unwrap_err();
    assert_eq!(ended.reason(), Reason::CredentialsExpired);
}

#[test]
fn temporary_credentials_sign_their_token_in() {
    let mut config = config("http://minio");
    keys_of(&mut config).session_token = Some("to/ken+=".to_owned());
    let signed = object_url(&config, "k", at()).unwrap();
    assert!(
        signed.url.contains("X-Amz-Security-Token=to%2Fken%2B%3D"),
        "{}",
        signed.url
    );
}

#[test]
fn debug_shows_no_signature() {
    let signed = object_url(&config("http://minio"), "k", at()).unwrap();
    assert!(signed.url.contains("X-Amz-Signature="));
    assert!(!format!("{signed:?}").contains("X-Amz"), "{signed:?}");
}

#[tokio::test]
async fn our_signature_is_the_sdks() {
    let key = "a b/ü&=+%.jpg";
    let bucket = Bucket::new(config("http://minio:9000"), policy()).unwrap();
    let presigning = aws_sdk_s3::presigning::PresigningConfig::builder()
        .start_time(at().into())
        .expires_in(Duration::from_hours(1))
        .build()
        .unwrap();
    let theirs = bucket
        .client
        .get_object()
        .bucket("media")
        .key(key)
        .presigned(presigning)
        .await
        .unwrap();
    // The SDK adds `x-id=GetObject`, which changes the signature: sign the same URL.
    let (plain, _) = theirs.uri().split_once('?').unwrap();
    let second = Timestamp::from_second(at().as_second()).unwrap();
    let ours = sign::presign(
        &format!("{plain}?x-id=GetObject"),
        "us-east-1",
        &bucket.keys().unwrap(),
        (second, Duration::from_hours(1)),
    )
    .unwrap();
    let sorted = |url: &str| {
        let mut query: Vec<_> = url.split(['?', '&']).map(str::to_owned).collect();
        query.sort();
        query
    };
    assert_eq!(sorted(&ours), sorted(theirs.uri()));
}
