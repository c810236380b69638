//! Files behind links that are larger than is taken.

use titan_tests::gateway::Dialect;

use super::files::Files;
use super::harness::{link, send, spool_is_empty, up};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_declares_more_than_50_mib_is_not_fetched() {
    let files = Files::start(b"x").await;
    let (stage, gateway) = up(Dialect::Waha).await;
    let reply = send(&stage, &link("video", &files.url("/declared"))).await;
    reply.refused(413, "too_large");
    assert_eq!(reply.json()["pointer"], "/url");
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_an_end_is_cut_off_and_leaves_nothing() {
    let files = Files::start(b"x").await;
    let (stage, gateway) = up(Dialect::Waha).await;
    let reply = send(&stage, &link("video", &files.url("/endless"))).await;
    reply.refused(413, "too_large");
    assert_eq!(reply.json()["pointer"], "/url");
    assert!(gateway.posted().is_empty());
    spool_is_empty(&stage).await;
}
