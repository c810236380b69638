//! Chunks of history that wait to be read.

use std::time::Duration;

use super::fixture::{Fixture, at};
use crate::store::{HistoryChunk, SealKey, StoreLimits};

async fn due(fixture: &Fixture, seconds: u64) -> Option<HistoryChunk> {
    fixture.store.due_history(at(seconds)).await.unwrap()
}

pub(super) async fn a_chunk_is_kept_once_until_it_was_read(mut fixture: Fixture) {
    let keep = |id: &str, seconds| {
        let (store, id) = (fixture.store.clone(), id.to_owned());
        async move { store.keep_history(id, vec![7; 99], at(seconds)).await }
    };
    keep("B", 1).await.unwrap();
    keep("A", 2).await.unwrap();
    keep("B", 3).await.unwrap();
    fixture.reopen().await;
    let first = HistoryChunk {
        id: "B".to_owned(),
        notification: vec![7; 99],
        attempts: 0,
        queued_at: at(1),
    };
    assert_eq!(due(&fixture, 9).await, Some(first));
    fixture.store.drop_history("B").await.unwrap();
    assert_eq!(due(&fixture, 9).await.unwrap().id, "A");
    fixture.store.drop_history("A").await.unwrap();
    assert_eq!(due(&fixture, 9).await, None);
    assert_eq!(fixture.store.next_history_due().await.unwrap(), None);
}

pub(super) async fn a_chunk_that_is_put_off_waits_and_lets_others_pass(fixture: Fixture) {
    let store = &fixture.store;
    store
        .keep_history("A".into(), vec![1], at(1))
        .await
        .unwrap();
    store
        .keep_history("B".into(), vec![2], at(2))
        .await
        .unwrap();
    let pause = Duration::from_secs(10);
    store.postpone_history("A", pause, at(3)).await.unwrap();
    assert_eq!(due(&fixture, 4).await.unwrap().id, "B");
    store.drop_history("B").await.unwrap();
    assert_eq!(due(&fixture, 4).await, None);
    assert_eq!(store.next_history_due().await.unwrap(), Some(at(13)));
    let again = due(&fixture, 13).await.unwrap();
    assert_eq!((again.id.as_str(), again.attempts), ("A", 1));
    assert_eq!(again.queued_at, at(1));
}

#[tokio::test]
async fn a_store_key_keeps_notifications_off_the_disk() {
    let seal = SealKey::new([0x11; 32], []);
    let fixture = Fixture::with(Some(seal), StoreLimits::default()).await;
    let kept = fixture
        .store
        .keep_history("A".into(), vec![0xAB; 99], at(1));
    kept.await.unwrap();
    assert_eq!(due(&fixture, 2).await.unwrap().notification, [0xAB; 99]);
    fixture
        .store
        .set_seal(Some(SealKey::new([0x22; 32], [[0x11; 32]])));
    assert_eq!(fixture.store.reseal().await.unwrap(), 1);
    fixture.store.set_seal(Some(SealKey::new([0x22; 32], [])));
    assert_eq!(due(&fixture, 2).await.unwrap().notification, [0xAB; 99]);
    let log = fixture.path().with_file_name("titan.db-wal");
    for file in [fixture.path(), log] {
        let bytes = std::fs::read(file).unwrap_or_default();
        assert!(!bytes.windows(99).any(|part| part == [0xAB; 99]));
    }
}
