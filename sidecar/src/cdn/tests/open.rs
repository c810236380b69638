//! The first answer: status, failover, forms, caps, tail.

use super::*;
use crate::cdn::Class;

const LATER: Class = Class::Retry { after: None };

#[tokio::test]
async fn a_blob_arrives_whole_with_the_headers_of_a_web_client() {
    let blob = file(300_000);
    let server = served(&blob, vec![]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    assert_eq!(body.blob_len(), Some(300_000));
    assert_eq!(body.host(), format!("127.0.0.1:{}", server.port));
    let (bytes, error) = read(&mut body).await;
    assert!(error.is_none() && bytes == blob);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(
        seen[0].target.starts_with(&format!("{PATH}&hash=")),
        "{}",
        seen[0].target
    );
    assert!(seen[0].target.ends_with("&mms-type=document&__wa-mms="));
    assert_eq!(seen[0].header("origin"), Some("https://web.whatsapp.com"));
    assert_eq!(seen[0].header("referer"), Some("https://web.whatsapp.com/"));
    assert!(seen[0].header("authorization").is_none() && seen[0].header("cookie").is_none());
}

#[tokio::test]
async fn an_empty_blob_is_an_empty_body() {
    let server = served(b"", vec![]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    assert_eq!(body.blob_len(), Some(0));
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_failing_host_is_left_for_the_next_and_prefer_rotates() {
    let blob = file(5000);
    let (bad, good) = (
        served(&blob, vec![Step::HangUp]).await,
        served(&blob, vec![]).await,
    );
    let (bytes, error) = read(
        &mut cdn(&[&bad, &good])
            .open(&reference(), WIDE, 0)
            .await
            .unwrap(),
    )
    .await;
    assert!(error.is_none() && bytes == blob);
    assert_eq!((bad.seen().len(), good.seen().len()), (1, 1));
    let body = cdn(&[&bad, &good])
        .open(&reference(), WIDE, 3)
        .await
        .unwrap();
    assert_eq!(body.host(), format!("127.0.0.1:{}", good.port));
    assert_eq!((bad.seen().len(), good.seen().len()), (1, 2));
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_left_for_the_next() {
    let blob = file(50);
    let mut gone = served(&blob, vec![]).await;
    gone.port = 1;
    let good = served(&blob, vec![]).await;
    let body = cdn(&[&gone, &good])
        .open(&reference(), WIDE, 0)
        .await
        .unwrap();
    assert_eq!(body.host(), format!("127.0.0.1:{}", good.port));
    let error = refused(&[&gone]).await;
    assert_eq!(error.class(), LATER);
    assert_eq!(
        error.connect_kind(),
        Some(crate::net::ConnectErrorKind::Connect)
    );
}

#[tokio::test]
async fn what_passes_is_asked_three_times() {
    let blob = file(100);
    for status in [408, 429, 500, 502, 503, 504] {
        let step = Step::Answer(status, "", "busy");
        let server = served(&blob, vec![step.clone(), step.clone()]).await;
        assert!(
            cdn(&[&server]).open(&reference(), WIDE, 0).await.is_ok(),
            "{status}"
        );
        let server = served(&blob, vec![step.clone(), step.clone(), step]).await;
        assert_eq!(refused(&[&server]).await.class(), LATER, "{status}");
        assert_eq!(server.seen().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_asked_once() {
    for (status, class) in [
        (404, Class::Gone),
        (410, Class::Gone),
        (507, Class::Throttled),
        (400, LATER),
        (401, LATER),
        (416, LATER),
    ] {
        let server = served(&file(9), vec![Step::Answer(status, "", "no")]).await;
        assert_eq!(refused(&[&server]).await.class(), class, "{status}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn gone_and_throttled_leave_the_other_host_alone() {
    for status in [404, 410, 507] {
        let first = served(&file(9), vec![Step::Answer(status, "", "no")]).await;
        let second = served(&file(9), vec![]).await;
        refused(&[&first, &second]).await;
        assert_eq!(second.seen().len(), 0, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_if_short_and_passed_on_if_long() {
    let short = served(&file(9), vec![Step::Answer(429, "retry-after: 0\r\n", "")]).await;
    assert!(cdn(&[&short]).open(&reference(), WIDE, 0).await.is_ok());
    let long = served(
        &file(9),
        vec![Step::Answer(503, "retry-after: 120\r\n", "")],
    )
    .await;
    let class = refused(&[&long]).await.class();
    assert_eq!(
        class,
        Class::Retry {
            after: Some(Duration::from_mins(2))
        }
    );
    assert_eq!(long.seen().len(), 1);
}

#[tokio::test]
async fn a_403_is_tried_in_the_other_form_before_it_counts() {
    let blob = file(100);
    let mismatch = Step::Answer(403, "", "URL signature mismatch");
    let server = served(&blob, vec![mismatch.clone()]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    assert_eq!(read(&mut body).await.0, blob);
    let seen = server.seen();
    assert!(seen[0].target.contains("mms-type=") && seen[1].target == PATH);

    let server = served(&blob, vec![mismatch.clone(), mismatch.clone()]).await;
    let error = refused(&[&server]).await;
    assert_eq!((error.class(), server.seen().len()), (Class::Forbidden, 2));

    let expired = Step::Answer(403, "", "URL signature expired");
    for script in [
        vec![expired.clone(), mismatch.clone()],
        vec![mismatch, expired],
    ] {
        let server = served(&blob, script).await;
        assert_eq!(refused(&[&server]).await.class(), Class::Gone);
    }
}

#[tokio::test]
async fn a_403_of_one_host_is_no_verdict_while_another_has_the_file() {
    let blob = file(100);
    let no = Step::Answer(403, "", "");
    let (bad, good) = (
        served(&blob, vec![no.clone(), no.clone()]).await,
        served(&blob, vec![]).await,
    );
    assert!(
        cdn(&[&bad, &good])
            .open(&reference(), WIDE, 0)
            .await
            .is_ok()
    );
    let bad = served(&blob, vec![no.clone(), no]).await;
    let down = served(&blob, vec![Step::HangUp, Step::HangUp, Step::HangUp]).await;
    assert_eq!(refused(&[&bad, &down]).await.class(), Class::Forbidden);
    assert_eq!(bad.seen().len(), 2, "it is not asked again");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = served(&file(9), vec![]).await;
    let server = served(
        &file(9),
        vec![Step::Answer(302, "location: http://127.0.0.1:1/\r\n", "")],
    )
    .await;
    let error = refused(&[&server]).await;
    assert!(matches!(error, CdnError::Redirect { status: 302, .. }));
    assert_eq!(error.class(), LATER);
    assert_eq!(target.seen().len(), 0);
}

#[tokio::test]
async fn a_part_or_an_encoding_nobody_asked_for_is_refused() {
    let server = served(&file(9), vec![Step::Range("bytes 0-8/9")]).await;
    assert!(matches!(
        refused(&[&server]).await,
        CdnError::Mismatch { .. }
    ));
    let server = served(
        &file(9),
        vec![Step::Answer(200, "content-encoding: gzip\r\n", "x")],
    )
    .await;
    assert!(matches!(
        refused(&[&server]).await,
        CdnError::Mismatch { .. }
    ));
}

#[tokio::test]
async fn a_blob_over_the_limit_is_refused_before_its_body() {
    let server = served(&file(1001), vec![]).await;
    let limits = Limits {
        max_blob_bytes: 1000,
    };
    let error = cdn(&[&server])
        .open(&reference(), limits, 0)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::TooLarge);
    let exact = Limits {
        max_blob_bytes: 1001,
    };
    assert!(cdn(&[&server]).open(&reference(), exact, 0).await.is_ok());
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    let server = served(&file(9), vec![Step::Endless]).await;
    let limits = Limits {
        max_blob_bytes: 100_000,
    };
    let mut body = cdn(&[&server]).open(&reference(), limits, 0).await.unwrap();
    assert_eq!(body.blob_len(), None);
    let (bytes, error) = read(&mut body).await;
    assert_eq!(error.unwrap().class(), Class::TooLarge);
    assert!(bytes.len() <= 100_000);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_bad_reference_is_invalid_and_asks_nobody() {
    let server = served(&file(9), vec![]).await;
    for path in ["//evil.example/v/1", "v/1", ""] {
        let bad = Reference {
            direct_path: Some(path.to_owned()),
            ..reference()
        };
        let error = cdn(&[&server]).open(&bad, WIDE, 0).await.unwrap_err();
        assert_eq!(error.class(), Class::Invalid, "{path}");
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn errors_never_show_the_signature() {
    let script = vec![Step::Answer(404, "", "/v/t62?oh=01_secret")];
    let server = served(&file(9), script).await;
    let mut gone = served(&file(9), vec![]).await;
    gone.port = 1;
    for error in [refused(&[&server]).await, refused(&[&gone]).await] {
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("t62"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_tail_comes_by_suffix_range() {
    let blob = file(100_000);
    let server = served(&blob, vec![]).await;
    let (bytes, total) = cdn(&[&server]).tail(&reference(), 42, 0).await.unwrap();
    assert_eq!((bytes.as_slice(), total), (&blob[99_958..], 100_000));
    assert_eq!(server.ranges(), [Some("bytes=-42".to_owned())]);
    let short = served(&blob[..26], vec![]).await;
    let (bytes, total) = cdn(&[&short]).tail(&reference(), 42, 0).await.unwrap();
    assert_eq!((bytes.as_slice(), total), (&blob[..26], 26));
}

#[tokio::test]
async fn a_host_without_suffix_ranges_is_asked_by_number_or_read_whole() {
    let blob = file(100_000);
    let server = served(&blob, vec![Step::IgnoreRange]).await;
    let (bytes, total) = cdn(&[&server]).tail(&reference(), 42, 0).await.unwrap();
    assert_eq!((bytes.as_slice(), total), (&blob[99_958..], 100_000));
    assert_eq!(server.ranges()[1].as_deref(), Some("bytes=99958-"));
    let small = served(&blob[..1000], vec![Step::IgnoreRange]).await;
    let (bytes, total) = cdn(&[&small]).tail(&reference(), 42, 0).await.unwrap();
    assert_eq!((bytes.as_slice(), total), (&blob[958..1000], 1000));
    assert_eq!(small.seen().len(), 1);
}

#[tokio::test]
async fn a_tail_that_breaks_is_asked_for_again() {
    let blob = file(100_000);
    let server = served(&blob, vec![Step::Cut(10, true), Step::Stall(3)]).await;
    let (bytes, total) = cdn(&[&server]).tail(&reference(), 42, 0).await.unwrap();
    assert_eq!((bytes.as_slice(), total), (&blob[99_958..], 100_000));
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn default_origins_are_whatsapps_own_and_trust_no_address() {
    let origins = Origins::new(Vec::new());
    assert!(origins.trusted().is_empty());
    assert!(Origin::given(&"http://127.0.0.1:1".parse().unwrap()).is_ok());
}
