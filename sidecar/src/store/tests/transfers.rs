//! The transfer queue.

use std::time::Duration;

use super::fixture::{Fixture, at, error, file, image, stored, text};
use crate::message::MediaId;
use crate::store::MediaStatus;

fn media(id: &str) -> MediaId {
    MediaId(format!("media-{id}"))
}

pub(super) async fn the_longest_due_file_is_claimed_first_and_once(fixture: Fixture) {
    fixture.accept(vec![image("A"), image("B")], at(1)).await;
    fixture.accept(vec![image("C")], at(0)).await;
    let mut claimed = Vec::new();
    while let Some(record) = fixture.store.claim_transfer(at(5)).await.unwrap() {
        assert_eq!(record.status, MediaStatus::Running);
        assert_eq!(record.reference.media_key.unwrap().0, [0xAB; 32]);
        assert_eq!(record.reference.streaming_sidecar, Some(vec![9; 20]));
        claimed.push(record.message.id);
    }
    assert_eq!(claimed, ["C", "A", "B"]);
}

pub(super) async fn a_waiting_file_is_due_in_its_time_or_when_woken(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![image("A")], at(0)).await;
    store.claim_transfer(at(0)).await.unwrap().unwrap();
    assert_eq!(store.next_transfer_due().await.unwrap(), None);
    let wrong = error("integrity_failed", true);
    store
        .transfer_waiting(&media("A"), at(50), wrong, true, at(1))
        .await
        .unwrap();
    assert_eq!(store.next_transfer_due().await.unwrap(), Some(at(50)));
    assert!(store.claim_transfer(at(49)).await.unwrap().is_none());
    assert_eq!(store.wake(at(20)).await.unwrap(), 1);
    let record = store.claim_transfer(at(20)).await.unwrap().unwrap();
    assert_eq!((record.attempts, record.integrity_failures), (1, 1));
    assert_eq!(record.error.unwrap().code, "integrity_failed");
}

pub(super) async fn bucket_and_key_are_fixed_once(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let store = &fixture.store;
    let first = store.fix_target(&media("A"), "b1", "k1").await.unwrap();
    let second = store.fix_target(&media("A"), "b1", "k2").await.unwrap();
    assert_eq!(first, Some(("b1".into(), "k1".into())));
    assert_eq!(second, first);
    let moved = store.fix_target(&media("A"), "b2", "k2").await.unwrap();
    assert_eq!(moved, Some(("b2".into(), "k2".into())));
    let id = fixture.store_next(at(1)).await;
    let stored = store.fix_target(&id, "b3", "k3").await.unwrap();
    assert_eq!(stored, moved);
    let none = store.fix_target(&media("none"), "b", "k").await.unwrap();
    assert_eq!(none, None);
}

pub(super) async fn a_second_result_changes_nothing(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let id = fixture.store_next(at(1)).await;
    let store = &fixture.store;
    store.transfer_stored(&id, stored(), at(2)).await.unwrap();
    store
        .transfer_failed(&id, error("late", false), at(3))
        .await
        .unwrap();
    store
        .transfer_waiting(&id, at(9), error("late", true), false, at(4))
        .await
        .unwrap();
    let record = store.media(&id).await.unwrap().unwrap();
    assert_eq!(record.status, MediaStatus::Stored);
    assert_eq!(record.stored_at, Some(at(1)));
    assert_eq!(record.stored_length, Some(1234));
    assert_eq!(record.error, None);
    assert_eq!(fixture.drain(at(9)).await.len(), 1);
}

pub(super) async fn persist_is_asked_for_what_may_still_come(fixture: Fixture) {
    let store = &fixture.store;
    let mut unasked = text("A");
    unasked.media = vec![file("media-A", "/v/a")];
    unasked.media[0].persist = false;
    fixture.accept(vec![unasked, image("B")], at(0)).await;
    assert_eq!(fixture.drain(at(0)).await, ["message.received A"]);
    let before = store.media(&media("A")).await.unwrap().unwrap();
    assert_eq!(before.status, MediaStatus::Received);

    let asked = store.request_persist(&media("A"), at(1)).await.unwrap();
    let asked = asked.unwrap();
    assert_eq!(asked.status, MediaStatus::Queued);
    assert!(asked.persist_requested);

    store.claim_transfer(at(0)).await.unwrap().unwrap();
    let cases = [(true, MediaStatus::Queued), (false, MediaStatus::Failed)];
    for (retryable, expected) in cases {
        let failed = error("integrity_failed", retryable);
        store
            .transfer_failed(&media("B"), failed, at(2))
            .await
            .unwrap();
        let record = store.request_persist(&media("B"), at(3)).await.unwrap();
        assert_eq!(record.unwrap().status, expected);
    }
    let none = store.request_persist(&media("none"), at(3)).await.unwrap();
    assert!(none.is_none());
}

pub(super) async fn a_newer_reference_saves_a_running_file_from_failing(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![image("A")], at(0)).await;
    store.claim_transfer(at(0)).await.unwrap().unwrap();
    let mut again = image("A");
    again.media = vec![file("media-A", "/v/new?oe=69000000")];
    fixture.accept(vec![again], at(1)).await;
    let record = store.media(&media("A")).await.unwrap().unwrap();
    assert_eq!(record.status, MediaStatus::Running);
    store
        .transfer_failed(&media("A"), error("media_expired", false), at(2))
        .await
        .unwrap();
    let record = store.claim_transfer(at(2)).await.unwrap().unwrap();
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/new?oe=69000000")
    );
    store
        .transfer_failed(&media("A"), error("media_expired", false), at(3))
        .await
        .unwrap();
    assert_eq!(fixture.drain(at(3)).await, ["message.received A Failed"]);
}

pub(super) async fn running_files_are_queued_again_after_a_crash(mut fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let target = ("bucket".to_owned(), "key".to_owned());
    fixture
        .store
        .fix_target(&media("A"), &target.0, &target.1)
        .await
        .unwrap();
    fixture.store.claim_transfer(at(0)).await.unwrap().unwrap();
    fixture.reopen().await;
    assert!(fixture.store.claim_transfer(at(1)).await.unwrap().is_none());
    // Over a file at once, over a database once the lease has run out.
    fixture.age_leases(31);
    fixture.store.recover(at(31)).await.unwrap();
    let record = fixture.store.claim_transfer(at(31)).await.unwrap().unwrap();
    assert_eq!(record.bucket.zip(record.key), Some(target));
}

pub(super) async fn callers_are_woken_when_a_file_becomes_due(fixture: Fixture) {
    let store = fixture.store.clone();
    let (claimed, ()) = tokio::join!(
        async {
            loop {
                if let Some(record) = store.claim_transfer(at(1)).await.unwrap() {
                    return record;
                }
                tokio::time::timeout(Duration::from_mins(1), store.transfers_changed().notified())
                    .await
                    .expect("woken");
            }
        },
        async {
            fixture.accept(vec![image("A")], at(0)).await;
        }
    );
    assert_eq!(claimed.message.id, "A");
}
