//! A part of a blob: exactly its bytes, over as many connections as it takes.

use super::*;

const LENGTH: usize = 200_000;
const PART: std::ops::Range<u64> = 65_520..131_072;

async fn opened(servers: &[&Server], total: u64) -> Result<CdnBody, CdnError> {
    cdn(servers).part(&reference(), PART, total, 0).await
}

fn bytes_of_part() -> Vec<u8> {
    file(LENGTH)[65_520..131_072].to_vec()
}

#[tokio::test]
async fn a_part_has_its_own_bytes_and_no_others() {
    let server = served(&file(LENGTH), vec![]).await;
    let mut body = opened(&[&server], LENGTH as u64).await.unwrap();
    let (bytes, error) = read(&mut body).await;
    assert!(error.is_none() && bytes == bytes_of_part(), "{error:?}");
    assert_eq!(server.ranges(), [Some("bytes=65520-131071".to_owned())]);
}

#[tokio::test]
async fn a_part_that_breaks_is_resumed_inside_of_it() {
    for step in [
        Step::Cut(30_000, true),
        Step::Cut(30_000, false),
        Step::Stall(30_000),
        Step::Short(7),
    ] {
        let server = served(&file(LENGTH), vec![step.clone()]).await;
        let opened = opened(&[&server], LENGTH as u64).await;
        if matches!(step, Step::Short(_)) {
            // A shorter range than asked for is no answer.
            assert!(matches!(opened, Err(CdnError::Mismatch { .. })));
            continue;
        }
        let (bytes, error) = read(&mut opened.unwrap()).await;
        assert!(error.is_none() && bytes == bytes_of_part(), "{error:?}");
        let resumed = server.ranges()[1].clone().unwrap();
        assert!(resumed.ends_with("-131071"), "{resumed}");
    }
}

#[tokio::test]
async fn hosts_without_ranges_or_with_another_blob_give_no_part() {
    let server = served(&file(LENGTH), vec![Step::IgnoreRange]).await;
    let error = opened(&[&server], LENGTH as u64).await.unwrap_err();
    assert!(matches!(error, CdnError::Mismatch { .. }), "{error}");
    let other = served(&file(LENGTH + 16), vec![]).await;
    let error = opened(&[&other], LENGTH as u64).await.unwrap_err();
    assert!(matches!(error, CdnError::Mismatch { .. }), "{error}");
    // The next host may have what the first has not.
    let first = served(&file(LENGTH), vec![Step::IgnoreRange]).await;
    let second = served(&file(LENGTH), vec![]).await;
    let mut body = opened(&[&first, &second], LENGTH as u64).await.unwrap();
    assert!(read(&mut body).await.0 == bytes_of_part());
}
