//! The check: what it leaves, what it sends again, what it says.

use titan_crds::report::BucketVerdict;

use super::*;
use crate::clock::now;

async fn probe(bucket: &Bucket) -> BucketVerdict {
    bucket.probe(Effort::Look, now()).await
}

/// Every file of the embedded server's bucket, but for its own notes.
fn keys(server: &Server) -> Vec<String> {
    let mut found: Vec<_> = std::fs::read_dir(server.folder.path().join("media"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

fn written_at(server: &Server) -> std::time::SystemTime {
    let path = server.folder.path().join("media/.titan-media-probe");
    std::fs::metadata(path).unwrap().modified().unwrap()
}

#[tokio::test]
async fn a_good_bucket_is_ready_and_keeps_one_object() {
    let server = server().await;
    let verdict = probe(&server.bucket()).await;
    assert!(verdict.is_ready(), "{verdict:?}");
    assert_eq!(
        (
            verdict.reachable,
            verdict.credentials,
            verdict.put,
            verdict.get
        ),
        (Some(true), Some(true), Some(true), Some(true))
    );
    assert_eq!(verdict.checksum_enforced, Some(true));
    assert_eq!(verdict.bucket.as_deref(), Some("media"));
    assert_eq!(verdict.region.as_deref(), Some("us-east-1"));
    assert!(verdict.latency_ms.is_some() && verdict.checked_at.is_some());
    assert_eq!(keys(&server), [".titan-media-probe"]);
}

#[tokio::test]
async fn a_later_check_only_reads_and_knows_what_the_first_one_saw() {
    let server = server().await;
    assert!(probe(&server.bucket()).await.is_ready());
    let first = written_at(&server);
    let verdict = probe(&server.bucket()).await;
    assert!(verdict.is_ready(), "{verdict:?}");
    assert_eq!(verdict.put, Some(true));
    assert_eq!(verdict.checksum_enforced, Some(true));
    assert_eq!(written_at(&server), first);
}

#[tokio::test]
async fn another_way_of_writing_is_tried_again() {
    let server = server().await;
    assert!(probe(&server.bucket()).await.is_ready());
    let first = written_at(&server);
    let mut config = server.config();
    config.storage_class = Some("STANDARD".to_owned());
    let bucket = Bucket::new(config, policy()).unwrap();
    assert!(probe(&bucket).await.is_ready());
    assert_ne!(written_at(&server), first);
}

#[tokio::test]
async fn a_bucket_that_was_down_is_written_to() {
    let server = server().await;
    let bucket = server.bucket();
    assert!(probe(&bucket).await.is_ready());
    let first = written_at(&server);
    assert!(bucket.probe(Effort::Write, now()).await.is_ready());
    assert_ne!(written_at(&server), first);
}

#[tokio::test]
async fn an_object_of_other_content_is_replaced() {
    let server = server().await;
    let bucket = server.bucket();
    let content = b"not ours";
    let stranger = object(".titan-media-probe", content);
    bucket.put(&stranger, chunks(content)).await.unwrap();
    let verdict = probe(&bucket).await;
    assert!(verdict.is_ready(), "{verdict:?}");
    let left = read(bucket.get(".titan-media-probe", None).await.unwrap()).await;
    assert!(left.starts_with(b"Titan Media"));
}

#[tokio::test]
async fn expired_credentials_are_told_without_a_request() {
    let mut config = config("http://127.0.0.1:1");
    keys_of(&mut config).expires_at = Some(now());
    let bucket = Bucket::new(config, policy()).unwrap();
    let verdict = probe(&bucket).await;
    assert_eq!(verdict.reason, "CredentialsExpired");
    assert_eq!(
        (verdict.reachable, verdict.credentials),
        (None, Some(false))
    );
}

#[tokio::test]
async fn a_verdict_holds_no_credentials() {
    let server = server().await;
    let mut config = server.config();
    keys_of(&mut config).secret_access_key = "hunter2hunter2".to_owned();
    let verdict = probe(&Bucket::new(config, policy()).unwrap()).await;
    assert_eq!(verdict.reason, "InvalidCredentials");
    let text = serde_json::to_string(&verdict).unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains(ACCESS),
        "{text}"
    );
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut bucket = Bucket::new(config(&endpoint), policy()).unwrap();
    bucket.patience.check = Duration::from_millis(50);
    let verdict = probe(&bucket).await;
    assert_eq!(verdict.reason, "Timeout");
    assert_eq!(verdict.reachable, Some(false));
}
