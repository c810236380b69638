//! Hosts, styles and regions; and that the SDK goes where we say.

use super::super::address::Address;
use super::*;

struct Row {
    endpoint: Option<&'static str>,
    bucket: &'static str,
    addressing: Addressing,
    url: &'static str,
}

const fn row(
    endpoint: Option<&'static str>,
    bucket: &'static str,
    addressing: Addressing,
    url: &'static str,
) -> Row {
    Row {
        endpoint,
        bucket,
        addressing,
        url,
    }
}

use Addressing::{Auto, Path, VirtualHosted};

const ROWS: &[Row] = &[
    row(
        None,
        "acme",
        Auto,
        "https://acme.s3.eu-west-1.amazonaws.com/a/b%20c.jpg",
    ),
    row(
        None,
        "acme",
        Path,
        "https://s3.eu-west-1.amazonaws.com/acme/a/b%20c.jpg",
    ),
    row(
        None,
        "ac.me",
        Auto,
        "https://s3.eu-west-1.amazonaws.com/ac.me/a/b%20c.jpg",
    ),
    row(
        Some("https://s3.eu-west-1.amazonaws.com"),
        "acme",
        Auto,
        "https://acme.s3.eu-west-1.amazonaws.com/a/b%20c.jpg",
    ),
    row(
        Some("https://id.r2.cloudflarestorage.com"),
        "acme",
        Auto,
        "https://acme.id.r2.cloudflarestorage.com/a/b%20c.jpg",
    ),
    row(
        Some("https://id.r2.cloudflarestorage.com"),
        "acme",
        Path,
        "https://id.r2.cloudflarestorage.com/acme/a/b%20c.jpg",
    ),
    row(
        Some("https://minio.acme.svc:9000"),
        "acme",
        Auto,
        "https://minio.acme.svc:9000/acme/a/b%20c.jpg",
    ),
    row(
        Some("http://minio.acme.svc:9000/"),
        "acme",
        VirtualHosted,
        "http://acme.minio.acme.svc:9000/a/b%20c.jpg",
    ),
    row(
        Some("http://minio.acme.svc"),
        "ac.me",
        VirtualHosted,
        "http://minio.acme.svc/ac.me/a/b%20c.jpg",
    ),
    row(
        Some("https://minio.acme.svc"),
        "ac.me",
        VirtualHosted,
        "https://minio.acme.svc/ac.me/a/b%20c.jpg",
    ),
    row(
        Some("http://127.0.0.1:9000"),
        "acme",
        VirtualHosted,
        "http://127.0.0.1:9000/acme/a/b%20c.jpg",
    ),
    row(
        Some("http://[::1]:9000"),
        "acme",
        VirtualHosted,
        "http://[::1]:9000/acme/a/b%20c.jpg",
    ),
    row(
        Some("https://gate.way/s3/"),
        "acme",
        Auto,
        "https://gate.way/s3/acme/a/b%20c.jpg",
    ),
    row(
        Some("https://gate.way/s3"),
        "acme",
        VirtualHosted,
        "https://acme.gate.way/s3/a/b%20c.jpg",
    ),
    row(
        Some("https://store.example"),
        "Acme_Old",
        VirtualHosted,
        "https://store.example/Acme_Old/a/b%20c.jpg",
    ),
];

fn at(row: &Row) -> BucketConfig {
    let mut config = config("http://unused");
    config.endpoint = row.endpoint.map(|url| Url::parse(url).unwrap());
    config.region = Some("eu-west-1".to_owned());
    config.bucket = row.bucket.to_owned();
    config.addressing = row.addressing;
    config
}

#[test]
fn objects_are_where_the_table_says() {
    for row in ROWS {
        let address = Address::of(&at(row)).unwrap();
        assert_eq!(address.object_url("a/b c.jpg"), row.url);
    }
}

#[tokio::test]
async fn the_sdk_goes_to_the_same_place() {
    let expires = Duration::from_mins(1);
    for row in ROWS {
        let bucket = Bucket::new(at(row), policy()).unwrap();
        let presigning = aws_sdk_s3::presigning::PresigningConfig::expires_in(expires).unwrap();
        let request = bucket
            .client
            .get_object()
            .bucket(row.bucket)
            .key("a/b c.jpg");
        let signed = request.presigned(presigning).await.unwrap();
        assert_eq!(signed.uri().split('?').next().unwrap(), row.url);
    }
}

#[test]
fn regions_are_found() {
    let region = |endpoint: Option<&str>, region: Option<&str>| {
        let mut config = config("http://unused");
        config.endpoint = endpoint.map(|url| Url::parse(url).unwrap());
        config.region = region.map(str::to_owned);
        Address::of(&config).map(|address| address.region().to_owned())
    };
    assert_eq!(region(None, Some("eu-north-1")).unwrap(), "eu-north-1");
    assert_eq!(
        region(None, None).unwrap_err().reason(),
        Reason::SecretIncomplete
    );
    assert_eq!(
        region(None, Some("evil.example/")).unwrap_err().reason(),
        Reason::SecretIncomplete
    );
    assert_eq!(
        region(Some("https://x.r2.cloudflarestorage.com"), None).unwrap(),
        "auto"
    );
    assert_eq!(
        region(Some("https://s3.eu-west-3.amazonaws.com"), None).unwrap(),
        "eu-west-3"
    );
    assert_eq!(
        region(Some("https://minio"), Some("")).unwrap(),
        "us-east-1"
    );
    let mut china = config("http://unused");
    china.endpoint = None;
    china.region = Some("cn-north-1".to_owned());
    assert_eq!(
        Address::of(&china).unwrap().endpoint(),
        "https://s3.cn-north-1.amazonaws.com.cn"
    );
}

#[test]
fn an_endpoint_that_is_no_place_is_refused() {
    for endpoint in [
        "ftp://x",
        "https://user:pw@x",
        "https://x?a=b",
        "https://x#y",
        "data:text/plain,x",
    ] {
        let error = Bucket::new(config(endpoint), policy()).unwrap_err();
        assert_eq!(error.reason(), Reason::SecretIncomplete, "{endpoint}");
        assert!(!error.to_string().contains("pw"));
    }
    let mut config = config("https://x");
    config.bucket = "a/b".to_owned();
    assert!(Bucket::new(config, policy()).is_err());
}
