//! The fakes themselves: what they count and how they break is what the other scenes rely on.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;
use titan_tests::api::Api;
use titan_tests::bucket::{Bucket, Mode};
use titan_tests::cdn::{Cdn, Fault};
use titan_tests::random::bytes_of;
use titan_tests::sink::{Answer, Sink};
use titan_tests::{media, socket};

async fn cdn_with(length: usize) -> (Cdn, String, Vec<u8>) {
    let cdn = Cdn::start().await;
    let blob = bytes_of("blob", length);
    let path = cdn.put(&blob.clone().into());
    (cdn, path, blob)
}

#[tokio::test]
async fn cdn_serves_files_and_ranges_and_keeps_count() {
    let (cdn, path, blob) = cdn_with(100_000).await;
    let api = Api::new(&cdn.url());
    assert_eq!(api.get(&path).await.expect(200).body, blob);
    let part = api
        .call("GET", &path, &[("range", "bytes=10-19")], b"")
        .await
        .expect(206);
    assert_eq!(
        (&part.body[..], part.header("content-range")),
        (&blob[10..20], Some("bytes 10-19/100000"))
    );
    let tail = api
        .call("GET", &path, &[("range", "bytes=-42")], b"")
        .await
        .expect(206);
    assert_eq!(tail.body, blob[100_000 - 42..]);
    assert_eq!(
        api.call("GET", &path, &[("range", "bytes=100000-")], b"")
            .await
            .status,
        416
    );
    let hits = cdn.hits(&path);
    assert_eq!(
        hits.iter().map(|hit| hit.sent).collect::<Vec<_>>(),
        [100_000, 10, 42, 0]
    );
    let unsigned = path.split_once('?').unwrap().0;
    assert_eq!(api.get(unsigned).await.status, 403);
    cdn.remove(&path);
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn cdn_breaks_as_told_and_then_works() {
    let (cdn, path, blob) = cdn_with(300_000).await;
    let api = Api::new(&cdn.url());
    cdn.fail(
        &path,
        [
            Fault::EndEarly(1000),
            Fault::Reset(1000),
            Fault::Status(410, "gone"),
            Fault::RetryAfter(7),
            Fault::Length(400_000),
            Fault::Flip(5),
            Fault::Redirect("http://127.0.0.1/".into()),
            Fault::Refuse,
        ],
    );
    for _ in 0..2 {
        assert!(api.try_call("GET", &path, &[], b"").await.is_err());
    }
    assert_eq!(api.get(&path).await.status, 410);
    assert_eq!(api.get(&path).await.header("retry-after"), Some("7"));
    assert!(api.try_call("GET", &path, &[], b"").await.is_err());
    assert_eq!(api.get(&path).await.body[5], blob[5] ^ 1);
    assert_eq!(api.get(&path).await.status, 302);
    assert!(api.try_call("GET", &path, &[], b"").await.is_err());
    assert_eq!(api.get(&path).await.body, blob);
}

#[tokio::test]
async fn endless_body_of_the_cdn_goes_on_until_the_caller_hangs_up() {
    let (cdn, path, _) = cdn_with(10).await;
    cdn.fail_always(&path, Fault::Endless);
    let answer = Api::new(&cdn.url())
        .open("GET", &path, &[], "")
        .await
        .unwrap();
    let mut body = answer.into_body();
    let mut count = 0;
    while count < 3_000_000 {
        count += body
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap()
            .len();
    }
}

#[tokio::test]
async fn bucket_counts_a_body_that_breaks_off() {
    let bucket = Bucket::start().await;
    let api = Api::new(&bucket.url());
    api.call(
        "PUT",
        "/b/k%20ey",
        &[("content-type", "text/plain")],
        b"hello",
    )
    .await
    .expect(200);
    let object = bucket.object("b", "k ey").unwrap();
    assert_eq!((object.length, object.sha256), (5, media::digest(b"hello")));
    assert_eq!(object.header("content-type"), Some("text/plain"));
    let part = api
        .call("GET", "/b/k%20ey?X=1", &[("range", "bytes=1-")], b"")
        .await
        .expect(206);
    assert_eq!(&part.body[..], b"ello");
    let address = bucket.url().replace("http://", "");
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut raw = titan_tests::wire::Connection::new(stream);
    raw.write(b"PUT /b/half HTTP/1.1\r\ncontent-length: 10\r\n\r\n12345")
        .await
        .unwrap();
    drop(raw);
    titan_tests::wait::until(titan_tests::wait::SOON, "the half body is seen", || async {
        bucket
            .uploads()
            .last()
            .is_some_and(|upload| upload.received == 5 && !upload.completed())
    })
    .await;
    assert!(bucket.object("b", "half").is_none());
    bucket.set_mode(Mode::Refuse(403, "AccessDenied"));
    assert_eq!(api.get("/b/key").await.status, 403);
    bucket.set_mode(Mode::Down);
    assert!(api.try_call("GET", "/b/key", &[], b"").await.is_err());
}

#[tokio::test]
async fn sink_keeps_bodies_and_checks_signatures() {
    let sink = Sink::start().await;
    sink.answer([Answer::Status(500), Answer::Late(Duration::ZERO)]);
    let url = sink.url();
    let body =
        json!({"id": "evt_1", "event": "message.received", "payload": {"id": "m"}}).to_string();
    let signature = format!(
        "sha256={}",
        hex::encode(media::hmac_sha256(b"k", body.as_bytes()))
    );
    let api = Api::new(url.strip_suffix("/hooks").unwrap());
    for status in [500, 200] {
        let reply = api
            .call(
                "POST",
                "/hooks",
                &[("x-webhook-signature", &signature)],
                &body,
            )
            .await;
        assert_eq!(reply.status, status);
    }
    let all = sink.about("m");
    assert_eq!(
        all.iter()
            .map(titan_tests::sink::Delivery::accepted)
            .collect::<Vec<_>>(),
        [false, true]
    );
    assert!(all[0].signed_by(b"k") && !all[0].signed_by(b"other"));
}

#[tokio::test]
async fn caller_at_the_socket_tells_complete_from_cut() {
    let (cdn, path, _) = cdn_with(5000).await;
    let address = cdn.url().replace("http://", "");
    cdn.fail(&path, [Fault::EndEarly(4999)]);
    let cut = socket::request(&address, "GET", &path, &[]).await;
    assert_eq!(
        (cut.status(), cut.body.len(), cut.complete_success()),
        (200, 4999, false)
    );
    let whole = socket::request(&address, "GET", &path, &[]).await;
    assert!(whole.complete_success());
}
