//! Bodies that break: the reader gets every byte once, in order, or an error.

use super::*;
use crate::cdn::Class;

const LENGTH: usize = 200_000;

/// Reads a blob of [`LENGTH`] bytes and expects it whole.
async fn whole(servers: &[&Server]) {
    let mut body = cdn(servers).open(&reference(), WIDE, 0).await.unwrap();
    let (bytes, error) = read(&mut body).await;
    assert!(error.is_none(), "{error:?}");
    assert!(bytes == file(LENGTH), "every byte once and in order");
}

/// Reads and expects it to break for good; the bytes before are right.
async fn broken(servers: &[&Server]) -> CdnError {
    let mut body = cdn(servers).open(&reference(), WIDE, 0).await.unwrap();
    let (bytes, error) = read(&mut body).await;
    assert!(bytes.len() < LENGTH && file(LENGTH).starts_with(&bytes));
    error.expect("an error")
}

#[tokio::test]
async fn a_reset_an_early_end_and_a_stall_are_resumed_where_they_stopped() {
    for step in [
        Step::Cut(70_000, true),
        Step::Cut(70_000, false),
        Step::Stall(70_000),
    ] {
        let server = served(&file(LENGTH), vec![step]).await;
        whole(&[&server]).await;
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        let range = seen[1].header("range").unwrap();
        let at: usize = range["bytes=".len()..range.len() - 1].parse().unwrap();
        assert!(
            at <= 70_000,
            "a reset may eat bytes under way, never add any: {at}"
        );
        assert_eq!(seen[1].header("if-range"), (at > 0).then_some("\"v1\""));
        assert!(
            seen[1].target.contains("hash="),
            "the form that worked is kept"
        );
    }
}

#[tokio::test]
async fn a_body_breaks_many_times_and_still_arrives_whole() {
    let script = (1..10)
        .map(|step| Step::Cut(step * 1000, step % 2 == 0))
        .collect();
    let server = served(&file(LENGTH), script).await;
    whole(&[&server]).await;
    assert_eq!(server.seen().len(), 10);
}

#[tokio::test]
async fn a_break_before_the_first_byte_asks_for_the_whole_again() {
    let server = served(&file(LENGTH), vec![Step::Cut(0, false)]).await;
    whole(&[&server]).await;
    assert_eq!(server.ranges(), [None, None]);
}

#[tokio::test]
async fn the_other_host_takes_over_and_is_not_asked_for_the_first_ones_etag() {
    let busy = Step::Answer(503, "retry-after: 60\r\n", "");
    let first = served(&file(LENGTH), vec![Step::Cut(50_000, false), busy]).await;
    let second = Server::start(&file(LENGTH), Some("\"other\""), vec![]).await;
    whole(&[&first, &second]).await;
    assert_eq!(first.seen().len(), 2);
    assert_eq!(second.ranges(), [Some("bytes=50000-".to_owned())]);
    assert!(second.seen()[0].header("if-range").is_none());
}

#[tokio::test]
async fn a_range_cut_short_by_the_host_is_followed_by_the_next() {
    let script = vec![Step::Cut(50_000, false), Step::Short(60_000)];
    let server = served(&file(LENGTH), script).await;
    whole(&[&server]).await;
    let last = server.ranges().last().cloned().flatten();
    assert_eq!(last.as_deref(), Some("bytes=140000-"));
}

#[tokio::test]
async fn a_body_without_a_length_is_resumed_too() {
    let server = served(&file(LENGTH), vec![Step::Chunked(40)]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    assert_eq!(body.blob_len(), None);
    let (bytes, error) = read(&mut body).await;
    assert!(error.is_none() && bytes == file(LENGTH));
    assert_eq!(body.blob_len(), Some(LENGTH as u64));
    let server = served(&file(LENGTH), vec![Step::Chunked(1000)]).await;
    whole(&[&server]).await;
}

#[tokio::test]
async fn an_answer_that_is_not_the_rest_of_this_file_is_refused() {
    for (wrong, what) in [
        (Step::IgnoreRange, "the whole file"),
        (Step::Range("bytes 49999-199999/200000"), "another range"),
        (Step::Range("bytes 50000-200000/200001"), "another length"),
        (
            Step::Range("bytes 50000-199999/*"),
            "no usable Content-Range",
        ),
        (Step::Answer(416, "", ""), "416"),
        (Step::Answer(404, "", ""), "404"),
        (Step::Answer(302, "location: /x\r\n", ""), "redirected"),
    ] {
        let server = served(&file(LENGTH), vec![Step::Cut(50_000, false), wrong]).await;
        let error = broken(&[&server]).await;
        assert_eq!(error.class(), Class::Retry { after: None }, "{what}");
        let CdnError::Broken { at: 50_000, source } = error else {
            panic!("{error}")
        };
        assert!(source.to_string().contains(what), "{source}");
    }
}

#[tokio::test]
async fn a_file_that_changed_under_its_etag_is_refused() {
    let first = served(&file(LENGTH), vec![Step::Cut(50_000, false)]).await;
    let mut body = cdn(&[&first]).open(&reference(), WIDE, 0).await.unwrap();
    // The same host, now with another version of the same length.
    let script = vec![Step::Answer(
        206,
        "content-range: bytes 50000-50003/200000\r\netag: \"v2\"\r\n",
        "abcd",
    )];
    let second = served(&file(LENGTH), script).await;
    let changed = hurried(&[&second], timing())
        .open(&reference(), WIDE, 0)
        .await;
    assert!(matches!(changed, Err(CdnError::Mismatch { .. })));
    assert!(read(&mut body).await.1.is_none());
    let script = vec![
        Step::Cut(50_000, false),
        Step::Answer(
            206,
            "content-range: bytes 50000-50003/200000\r\netag: \"v2\"\r\n",
            "abcd",
        ),
    ];
    let server = served(&file(LENGTH), script).await;
    let error = broken(&[&server]).await;
    assert!(
        matches!(error, CdnError::Broken { source, .. } if source.to_string().contains("another version"))
    );
}

#[tokio::test]
async fn a_host_that_stays_away_ends_the_body_within_the_window() {
    let script = [vec![Step::Cut(50_000, false)], vec![Step::HangUp; 200]].concat();
    let server = served(&file(LENGTH), script).await;
    let window = Duration::from_millis(600);
    let hasty = hurried(
        &[&server],
        Timing {
            resume_window: window,
            ..timing()
        },
    );
    let mut body = hasty.open(&reference(), WIDE, 0).await.unwrap();
    let (bytes, error) = read(&mut body).await;
    assert_eq!(bytes.len(), 50_000);
    assert_eq!(error.unwrap().class(), Class::Retry { after: None });
    let asked = server.seen().len();
    assert!(asked > 1 && asked < 100, "{asked} requests");
}

#[tokio::test]
async fn a_host_that_breaks_without_end_is_given_up() {
    let script = vec![Step::Cut(1, false); 1000];
    let server = served(&file(LENGTH), script).await;
    let error = broken(&[&server]).await;
    assert!(
        matches!(error, CdnError::Broken { at: 17, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_slow_trickle_is_no_break() {
    let blob = file(40);
    let server = served(&blob, vec![Step::Trickle]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    // Other threads can take a body over: it is Send.
    let read = tokio::spawn(async move { read(&mut body).await });
    let (bytes, error) = read.await.unwrap();
    assert!(error.is_none() && bytes == blob);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_body_can_be_shared_by_reference() {
    fn sync<T: Send + Sync>() {}
    sync::<CdnBody>();
}

#[tokio::test]
async fn a_reader_may_give_up_waiting_and_come_back() {
    let server = served(&file(LENGTH), vec![Step::Stall(50_000), Step::Stall(10)]).await;
    let mut body = cdn(&[&server]).open(&reference(), WIDE, 0).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(30), body.next()).await {
            Ok(Some(Ok(data))) => bytes.extend_from_slice(&data),
            Ok(Some(Err(error))) => panic!("{error}"),
            Ok(None) => break,
            Err(_) => {
                let patient = body.next().await.unwrap().unwrap();
                bytes.extend_from_slice(&patient);
            }
        }
    }
    assert!(bytes == file(LENGTH));
}

#[tokio::test]
async fn a_limit_holds_across_a_resume() {
    let server = served(&file(LENGTH), vec![Step::Chunked(40)]).await;
    let limits = Limits {
        max_blob_bytes: 100_000,
    };
    let mut body = cdn(&[&server]).open(&reference(), limits, 0).await.unwrap();
    let (bytes, error) = read(&mut body).await;
    assert!(bytes.len() <= 100_000 && error.is_some());
}
