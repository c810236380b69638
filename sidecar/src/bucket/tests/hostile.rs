//! Stores that behave badly: played by a bare TCP listener that says what the test wants.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::patience::Patience;
use super::*;

/// Answers each connection's first request (headers, and `body` bytes of its body) with one text,
/// then keeps the connection open. Gives the requests' heads.
async fn store(answers: Vec<String>, body: usize) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut heads = Vec::new();
        let mut open = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            let head = loop {
                let mut buffer = [0; 4096];
                let n = socket.read(&mut buffer).await.unwrap();
                assert!(n > 0, "the client hung up");
                read.extend_from_slice(&buffer[..n]);
                let text = String::from_utf8_lossy(&read).into_owned();
                if let Some(end) = text.find("\r\n\r\n")
                    && read.len() >= end + 4 + body
                {
                    break text;
                }
            };
            heads.push(head.to_ascii_lowercase());
            socket.write_all(answer.as_bytes()).await.unwrap();
            open.push(socket);
        }
        heads
    });
    (address, served)
}

fn answer(status: &str, headers: &str, xml: &str) -> String {
    let length = xml.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{xml}"
    )
}

fn error(code: &str, message: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
}

fn bucket(address: SocketAddr) -> Bucket {
    Bucket::new(config(&format!("http://{address}")), policy()).unwrap()
}

#[tokio::test]
async fn a_refused_checksum_header_is_remembered_and_the_check_goes_without_it() {
    let refused = error(
        "InvalidRequest",
        "You can only specify one non-default checksum at a time.",
    );
    let answers = vec![
        answer("400 Bad Request", "", &refused),
        answer("200 OK", "ETag: \"x\"\r\n", ""),
        answer("200 OK", "", ""),
    ];
    let (address, served) = store(answers, 3).await;
    let bucket = bucket(address);
    let first = bucket
        .put(&object("k", b"abc"), chunks(b"abc"))
        .await
        .unwrap_err();
    assert!(first.is_worth_resending(), "{first:?}");
    assert!(!bucket.sends_checksum());
    let put = bucket
        .put(&object("k", b"abc"), chunks(b"abc"))
        .await
        .unwrap();
    assert_eq!(put.etag.as_deref(), Some("\"x\""));
    bucket.check(crate::clock::now()).await.unwrap();
    let heads = served.await.unwrap();
    assert!(heads[0].contains("x-amz-checksum-sha256: "));
    for head in &heads[1..] {
        assert!(!head.contains("x-amz-checksum"), "{head}");
    }
}

#[tokio::test]
async fn a_put_carries_just_what_it_should() {
    let (address, served) = store(vec![answer("200 OK", "", "")], 3).await;
    let mut config = config(&format!("http://{address}"));
    config.encryption = Encryption::Kms {
        key_id: Some("alias/media".to_owned()),
    };
    config.storage_class = Some("STANDARD_IA".to_owned());
    let bucket = Bucket::new(config, policy()).unwrap();
    bucket
        .put(&object("a/k", b"abc"), chunks(b"abc"))
        .await
        .unwrap();
    let heads = served.await.unwrap();
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for part in [
        "put /media/a/k",
        "content-length: 3\r\n",
        "content-type: audio/ogg; codecs=opus\r\n",
        "content-disposition: inline; filename=\"voice.ogg\"\r\n",
        "x-amz-meta-messageid: 3eb0%20%c3%a4\r\n",
        "x-amz-checksum-sha256: ungwv48bz+pbqudexa4ii7adyaowf3qctbd/yfiafa0=\r\n",
        "x-amz-server-side-encryption: aws:kms\r\n",
        "x-amz-server-side-encryption-aws-kms-key-id: alias/media\r\n",
        "x-amz-storage-class: standard_ia\r\n",
    ] {
        assert!(heads[0].contains(part), "{part} is not in {}", heads[0]);
    }
    assert!(heads[0].contains(&format!("x-amz-content-sha256: {sha}\r\n")));
    for part in [
        "x-amz-acl",
        "x-amz-grant",
        "aws-chunked",
        "x-amz-trailer",
        "transfer-encoding",
        "crc32",
        "expect:",
    ] {
        assert!(!heads[0].contains(part), "{part} is in {}", heads[0]);
    }
}

#[tokio::test]
async fn another_region_and_a_skewed_clock_are_told() {
    let answers = vec![
        answer(
            "301 Moved Permanently",
            "x-amz-bucket-region: eu-west-1\r\n",
            &error("PermanentRedirect", "elsewhere"),
        ),
        answer("403 Forbidden", "", &error("RequestTimeTooSkewed", "late")),
    ];
    let (address, served) = store(answers, 0).await;
    let bucket = bucket(address);
    let elsewhere = bucket.get("k", None).await.unwrap_err();
    assert_eq!(
        elsewhere.to_string(),
        "the bucket is in another region: eu-west-1"
    );
    assert_eq!(
        bucket.get("k", None).await.unwrap_err().reason(),
        Reason::ClockSkew
    );
    served.await.unwrap();
}

#[tokio::test]
async fn an_answer_before_the_whole_body_is_no_success() {
    let (address, _served) = store(vec![answer("200 OK", "", "")], 0).await;
    let content = noise(100_000);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    sender.send(Bytes::copy_from_slice(&content[..10])).unwrap();
    let stream = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let body = StreamBody::new(stream.map(|piece| Ok::<_, BoxError>(Frame::data(piece))));
    let error = bucket(address)
        .put(&object("k", &content), body)
        .await
        .unwrap_err();
    assert!(error.is_unclear(), "{error:?}");
    drop(sender);
}

#[tokio::test]
async fn an_endless_error_answer_is_not_read() {
    let endless = format!(
        "HTTP/1.1 500 Oh\r\nContent-Length: 99999999999\r\n\r\n{}",
        "x".repeat(300_000)
    );
    let (address, served) = store(vec![endless], 3).await;
    let error = bucket(address)
        .put(&object("k", b"abc"), chunks(b"abc"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::StoreError);
    served.abort();
}

#[tokio::test]
async fn a_short_object_ends_in_an_error() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc".to_owned();
    let (address, served) = store(vec![short], 0).await;
    let mut got = bucket(address).get("k", None).await.unwrap();
    served.await.unwrap();
    assert_eq!(got.body.next().await.unwrap().unwrap(), "abc");
    assert!(got.body.next().await.unwrap().is_err());
}

#[tokio::test]
async fn an_endpoint_that_may_not_be_dialled_or_is_not_there_is_told() {
    let closed = Bucket::new(config("http://127.0.0.1:1"), policy()).unwrap();
    assert_eq!(
        closed.get("k", None).await.unwrap_err().reason(),
        Reason::ConnectFailed
    );
    let strict = Arc::new(AddressPolicy::new(Vec::new(), false, Vec::new()));
    let refused = Bucket::new(config("http://127.0.0.1:1"), strict).unwrap();
    let error = refused
        .put(&object("k", b"abc"), chunks(b"abc"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::EndpointNotAllowed, "{error:?}");
    assert!(!error.is_unclear());
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up_and_a_slow_source_is_not_blamed_on_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut bucket = bucket(listener.local_addr().unwrap());
    let short = Duration::from_millis(50);
    bucket.patience = Patience {
        sending: short,
        answer: short,
        reading: short,
        check: short,
    };
    let error = bucket
        .put(&object("k", b"abc"), chunks(b"abc"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::Timeout, "{error:?}");
    assert!(error.is_unclear());
    let full = noise(20_000_000);
    let error = bucket
        .put(&object("k", &full), chunks(&full))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store was silent for too long while bytes were sent"
    );
    assert_eq!(
        bucket.get("k", None).await.unwrap_err().reason(),
        Reason::Timeout
    );

    let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
    let waited = tokio::time::timeout(short * 5, bucket.put(&object("k", b"abc"), never)).await;
    assert!(
        waited.is_err(),
        "the source's silence is the source's affair"
    );
}
