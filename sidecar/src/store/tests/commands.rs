//! What a caller asks of a record: an answer by event, another try, to be forgotten.

use jiff::Timestamp;

use super::fixture::{ENDPOINT, Fixture, at, error, file, image, in_chat, stored, text};
use crate::message::MediaId;
use crate::store::{EventRow, MediaStatus, NewCommand, NewMessage};

fn media(id: &str) -> MediaId {
    MediaId(format!("media-{id}"))
}

fn command(id: &str) -> NewCommand {
    NewCommand {
        id: id.into(),
        endpoints: vec![ENDPOINT.into()],
    }
}

/// A message with a file that nobody asked for.
fn unasked(id: &str) -> NewMessage {
    let mut message = text(id);
    message.media = vec![file(&format!("media-{id}"), "/v/a")];
    message.media[0].persist = false;
    message
}

/// Delivers all that is due, and answers the results of commands among it.
async fn results(fixture: &Fixture, now: Timestamp) -> Vec<EventRow> {
    let mut found = Vec::new();
    loop {
        let claimed = fixture.claim(now).await;
        if claimed.is_empty() {
            return found;
        }
        for delivery in claimed {
            fixture.store.delivered(delivery.id, now).await.unwrap();
            if delivery.event.event == "command.result" {
                found.push(delivery.event);
            }
        }
    }
}

pub(super) async fn a_command_is_answered_once_its_file_is_stored(mut fixture: Fixture) {
    fixture.accept(vec![unasked("A")], at(0)).await;
    for id in ["cmd-1", "cmd-2"] {
        let found = fixture
            .store
            .command_persist(&media("A"), command(id), at(1))
            .await;
        assert!(found.unwrap());
    }
    assert!(results(&fixture, at(1)).await.is_empty());
    // What was promised outlives a crash.
    fixture.reopen().await;
    fixture.store_next(at(2)).await;
    let told = results(&fixture, at(2)).await;
    let ids: Vec<_> = told
        .iter()
        .map(|event| event.facts["correlationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["cmd-1", "cmd-2"]);
    assert!(told.iter().all(|event| event.facts["success"] == true));
    assert_eq!(told[0].facts["messageId"], "A");
    assert_ne!(told[0].id, told[1].id);
    fixture
        .store
        .transfer_stored(&media("A"), stored(), at(3))
        .await
        .unwrap();
    assert!(results(&fixture, at(3)).await.is_empty());
}

pub(super) async fn a_command_hears_why_its_file_will_not_come(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unasked("A")], at(0)).await;
    store
        .command_persist(&media("A"), command("cmd-1"), at(1))
        .await
        .unwrap();
    store.claim_transfer(at(1)).await.unwrap().unwrap();
    let gone = error("media_expired", false);
    store
        .transfer_failed(&media("A"), gone, at(2))
        .await
        .unwrap();
    let told = results(&fixture, at(2)).await;
    assert_eq!(told[0].facts["success"], false);
    assert_eq!(told[0].facts["result"]["code"], "media_expired");
}

pub(super) async fn a_command_about_a_finished_file_is_answered_at_once(fixture: Fixture) {
    let store = &fixture.store;
    fixture
        .accept(vec![image("A"), in_chat(image("B"), "other")], at(0))
        .await;
    fixture.store_next(at(1)).await;
    store.claim_transfer(at(1)).await.unwrap().unwrap();
    let gone = error("media_expired", false);
    store
        .transfer_failed(&media("B"), gone, at(1))
        .await
        .unwrap();
    for (id, success) in [("A", true), ("B", false)] {
        let asked = store.command_persist(&media(id), command(id), at(2)).await;
        assert!(asked.unwrap());
        let told = results(&fixture, at(2)).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].facts["success"], success);
    }
    let none = store
        .command_persist(&media("none"), command("c"), at(2))
        .await;
    assert!(!none.unwrap());
}

pub(super) async fn a_retry_queues_what_is_not_on_its_way(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unasked("A"), image("B")], at(0)).await;
    let asked = store.retry(&media("A"), at(1)).await.unwrap().unwrap();
    assert_eq!(asked.status, MediaStatus::Queued);
    let running = store.claim_transfer(at(0)).await.unwrap().unwrap();
    let untouched = store.retry(&running.id, at(1)).await.unwrap().unwrap();
    assert_eq!(untouched.status, MediaStatus::Running);
    // Also what was given up for good; it is told anew what becomes of it.
    for second in [2, 3] {
        let gone = error("media_expired", false);
        store
            .transfer_failed(&running.id, gone, at(second))
            .await
            .unwrap();
        let again = store.retry(&running.id, at(second)).await.unwrap().unwrap();
        assert_eq!((again.status, again.error), (MediaStatus::Queued, None));
    }
    let told = fixture.drain(at(4)).await;
    let failures = told.iter().filter(|told| told.starts_with("media.failed"));
    assert_eq!(failures.count(), 1, "{told:?}");
    assert!(store.retry(&media("none"), at(4)).await.unwrap().is_none());
    store
        .transfer_stored(&running.id, stored(), at(5))
        .await
        .unwrap();
    let stored = store.retry(&running.id, at(6)).await.unwrap().unwrap();
    assert_eq!(stored.status, MediaStatus::Stored);
}

pub(super) async fn all_that_failed_is_tried_again_but_for_the_senders_faults(fixture: Fixture) {
    let store = &fixture.store;
    let faulty = {
        let mut message = image("bad");
        message.media[0].reference.fault = Some("mediaKey is 3 bytes, not 32".into());
        message
    };
    let mut messages: Vec<_> = (0..300).map(|index| image(&format!("F{index}"))).collect();
    messages.push(faulty);
    messages.push(image("waits"));
    for (index, message) in messages.iter_mut().enumerate() {
        message.received_at = at(index as u64);
    }
    fixture.accept(messages, at(0)).await;
    while let Some(record) = store.claim_transfer(at(1)).await.unwrap() {
        let retryable = record.id == media("waits");
        let error = error("integrity_failed", retryable);
        if retryable {
            store
                .transfer_waiting(&record.id, at(99_999), error, true, at(1))
                .await
                .unwrap();
        } else {
            store
                .transfer_failed(&record.id, error, at(1))
                .await
                .unwrap();
        }
    }
    let young = store
        .retry_all(MediaStatus::Failed, Some(at(290)), at(2))
        .await;
    assert_eq!(young.unwrap(), 10);
    let rest = store.retry_all(MediaStatus::Failed, None, at(2)).await;
    assert_eq!(rest.unwrap(), 290);
    let none = store.retry_all(MediaStatus::Failed, None, at(2)).await;
    assert_eq!(none.unwrap(), 0);
    let waiting = store.retry_all(MediaStatus::Waiting, None, at(2)).await;
    assert_eq!(waiting.unwrap(), 1);
    let bad = store.media(&media("bad")).await.unwrap().unwrap();
    assert_eq!(bad.status, MediaStatus::Failed);
}

pub(super) async fn a_forgotten_file_leaves_its_key_and_does_not_come_back(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![image("A")], at(0)).await;
    store.fix_target(&media("A"), "b", "k").await.unwrap();
    fixture.store_next(at(1)).await;
    let forgotten = store.forget(&media("A"), at(2)).await.unwrap().unwrap();
    assert_eq!(forgotten.message_id, "A");
    assert_eq!(
        (forgotten.bucket.as_deref(), forgotten.key.as_deref()),
        (Some("b"), Some("k"))
    );
    assert!(store.media(&media("A")).await.unwrap().is_none());
    assert!(store.forget(&media("A"), at(3)).await.unwrap().is_none());
    let again = fixture.accept(vec![image("A")], at(4)).await;
    assert!(!again[0].new && again[0].media.is_empty(), "{again:?}");
    assert!(store.media(&media("A")).await.unwrap().is_none());
    assert!(store.claim_transfer(at(5)).await.unwrap().is_none());
}

pub(super) async fn nothing_waits_for_a_forgotten_file(fixture: Fixture) {
    let store = &fixture.store;
    let mut two = image("A");
    two.media.push(file("media-A2", "/v/b"));
    fixture.accept(vec![two], at(0)).await;
    store
        .command_persist(&media("A"), command("cmd-1"), at(1))
        .await
        .unwrap();
    let running = store.claim_transfer(at(1)).await.unwrap().unwrap();
    assert_eq!(running.id, media("A"));
    store.forget(&media("A"), at(2)).await.unwrap().unwrap();
    // The other file is still on its way, so the message's own event waits on.
    let told = fixture.claim(at(2)).await;
    assert!(told.is_empty(), "{told:?}");
    store.forget(&media("A2"), at(3)).await.unwrap().unwrap();
    let told = fixture.drain(at(3)).await;
    assert_eq!(
        told,
        ["message.received A Deadline", "command.result media-A"]
    );
    // What the transfer says afterwards is about nothing.
    store
        .transfer_stored(&media("A"), stored(), at(4))
        .await
        .unwrap();
    assert_eq!(store.fix_target(&media("A"), "b", "k").await.unwrap(), None);
    assert!(fixture.drain(at(4)).await.is_empty());
}
