//! Messages that go out as the session's own device: their uploads, and what is kept of them.

use super::fixture::{Fixture, at, image};
use super::sends::{ask, document, next, patient, sent};
use crate::media::MediaKey;
use crate::send::device::{Look, Upload};
use crate::send::spool::SpoolKey;
use crate::store::{Progress, SealKey, sql};

fn upload() -> Upload {
    Upload {
        media_key: MediaKey([0xEF; 32]),
        key_timestamp: 1_790_000_000,
        sha256: [1; 32],
        enc_sha256: [2; 32],
        sidecar: vec![3; 20],
        look: Look::default(),
        place: None,
    }
}

pub(super) async fn an_upload_is_known_to_the_next_try_and_to_no_reader(fixture: Fixture) {
    let store = &fixture.store;
    store.set_seal(Some(SealKey::new([1; 32], [])));
    ask(store, patient(document("A")), at(0)).await;
    let dispatch = next(store, at(1)).await.unwrap().dispatch.unwrap();
    assert_eq!(dispatch.upload, None);
    let key = dispatch.file_key.unwrap();
    store.keep_upload("cmd-A", &key, &upload()).await.unwrap();
    store.send_waiting("cmd-A", at(2)).await.unwrap();
    // Another store key changes nothing: it seals the file's key alone.
    store.set_seal(Some(SealKey::new([2; 32], [[1; 32]])));
    let dispatch = next(store, at(3)).await.unwrap().dispatch.unwrap();
    assert_eq!(dispatch.upload, Some(upload()));
    let mut conn = store.reader().await.unwrap();
    let row = sql::query("SELECT upload FROM sends")
        .scalar::<Vec<u8>>(&mut conn)
        .await;
    let row = row.unwrap().unwrap();
    for secret in [&[0xEF; 8], &[0xCD; 8]] {
        assert!(!row.windows(8).any(|window| window == secret));
    }
    assert!(!String::from_utf8_lossy(&row).contains("media_key"));
    // Under another key it does not open.
    store.send_waiting("cmd-A", at(4)).await.unwrap();
    let other = SpoolKey::new([9; 32]);
    store.keep_upload("cmd-A", &other, &upload()).await.unwrap();
    let dispatch = next(store, at(5)).await.unwrap().dispatch;
    assert_eq!(dispatch.unwrap_err().code, "internal");
}

pub(super) async fn what_was_sent_is_kept_with_its_end_and_once(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, document("A"), at(0)).await;
    next(store, at(1)).await.unwrap();
    let key = SpoolKey::new([0xCD; 32]);
    store.keep_upload("cmd-A", &key, &upload()).await.unwrap();
    let mut kept = image("A");
    kept.key.from_me = true;
    kept.event = "message.sent";
    let done = store.send_done_and_kept("cmd-A", sent("A"), kept.clone(), at(2));
    done.await.unwrap();
    // A second outcome changes nothing.
    let again = store.send_done_and_kept("cmd-A", sent("A"), image("B"), at(3));
    again.await.unwrap();
    let progress = store.send_progress("cmd-A").await.unwrap().unwrap();
    assert!(matches!(progress, Progress::Sent { .. }));
    assert_eq!(store.depths().await.unwrap().queued, 1);
    let mut conn = store.reader().await.unwrap();
    let events = sql::query("SELECT name FROM events")
        .scalars::<String>(&mut conn)
        .await;
    assert_eq!(events.unwrap(), ["message.sent"]);
    let left = sql::query("SELECT id FROM sends WHERE upload IS NOT NULL")
        .scalars::<String>(&mut conn)
        .await;
    assert!(left.unwrap().is_empty());
    drop(conn);
    // WhatsApp may tell of it again.
    kept.event = "message.received";
    let echo = store.accept(vec![kept], at(4)).await.unwrap();
    assert!(!echo[0].new, "it is the same message");
}
