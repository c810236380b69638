//! Events: held, released once, followed up.

use super::fixture::{ENDPOINT, Fixture, at, error, file, image, stored, text};
use crate::message::MediaId;

fn media(id: &str) -> MediaId {
    MediaId(format!("media-{id}"))
}

pub(super) async fn an_event_without_media_goes_at_once(fixture: Fixture) {
    fixture.accept(vec![text("A")], at(0)).await;
    let claimed = fixture.claim(at(0)).await;
    assert_eq!(claimed.len(), 1);
    let event = &claimed[0].event;
    assert_eq!(event.outcome, None);
    assert_eq!(event.facts["type"], "text");
    assert_eq!(event.session, super::fixture::session());
    assert!(event.id.starts_with("evt_"));
}

pub(super) async fn a_held_event_goes_once_its_file_is_stored(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    assert!(fixture.claim(at(1)).await.is_empty());
    assert_eq!(fixture.store.depths().await.unwrap().events_held, 1);
    let id = fixture.store_next(at(2)).await;
    let told = fixture.claim(at(2)).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event.media, [id]);
    fixture.store.delivered(told[0].id, at(3)).await.unwrap();
    let released = fixture.store.release_overdue(at(99), true).await.unwrap();
    assert_eq!(released, 0);
    assert!(fixture.drain(at(999)).await.is_empty(), "nothing follows");
}

pub(super) async fn a_held_event_waits_for_every_file(fixture: Fixture) {
    let mut album = image("A");
    album.media.push(file("second", "/v/second"));
    fixture.accept(vec![album], at(0)).await;
    fixture.store_next(at(1)).await;
    assert!(fixture.claim(at(1)).await.is_empty());
    fixture.store_next(at(2)).await;
    assert_eq!(fixture.drain(at(2)).await, ["message.received A Stored"]);
}

pub(super) async fn a_held_event_goes_when_its_file_failed(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let gone = error("media_expired", false);
    fixture
        .store
        .transfer_failed(&media("A"), gone, at(1))
        .await
        .unwrap();
    assert_eq!(fixture.drain(at(1)).await, ["message.received A Failed"]);
    assert!(fixture.drain(at(999)).await.is_empty());
}

pub(super) async fn a_deadline_releases_the_event_and_the_file_follows(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    assert_eq!(
        fixture.store.next_hold_deadline().await.unwrap(),
        Some(at(60))
    );
    assert_eq!(
        fixture.store.release_overdue(at(59), false).await.unwrap(),
        0
    );
    assert_eq!(
        fixture.store.release_overdue(at(60), false).await.unwrap(),
        1
    );
    assert_eq!(fixture.store.next_hold_deadline().await.unwrap(), None);
    assert_eq!(fixture.drain(at(60)).await, ["message.received A Deadline"]);
    fixture.store_next(at(61)).await;
    let told = fixture.claim(at(61)).await;
    assert_eq!(told[0].event.event, "media.persisted");
    assert_eq!(told[0].event.media, [media("A")]);
    assert_eq!(told[0].event.facts["messageId"], "A");
}

pub(super) async fn a_failure_after_the_deadline_follows_as_media_failed(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    fixture.store.release_overdue(at(60), false).await.unwrap();
    fixture.drain(at(60)).await;
    let gone = error("media_expired", false);
    fixture
        .store
        .transfer_failed(&media("A"), gone.clone(), at(61))
        .await
        .unwrap();
    let told = fixture.claim(at(61)).await;
    assert_eq!(told[0].event.event, "media.failed");
    assert_eq!(told[0].event.facts["code"], "media_expired");
    assert_eq!(told[0].event.facts["retryable"], false);
}

pub(super) async fn an_event_that_may_not_be_held_goes_at_once(fixture: Fixture) {
    let mut message = image("A");
    message.hold_until = None;
    fixture.accept(vec![message], at(0)).await;
    assert_eq!(fixture.drain(at(0)).await, ["message.received A Deadline"]);
    fixture.store_next(at(1)).await;
    assert_eq!(fixture.drain(at(1)).await, ["media.persisted media-A"]);
}

pub(super) async fn a_file_done_before_the_deadline_follows_too(fixture: Fixture) {
    let mut album = image("A");
    album.media.push(file("second", "/v/second"));
    fixture.accept(vec![album], at(0)).await;
    fixture.store_next(at(1)).await;
    fixture.store.release_overdue(at(60), false).await.unwrap();
    assert_eq!(
        fixture.drain(at(60)).await,
        ["message.received A Deadline", "media.persisted media-A"]
    );
    fixture.store_next(at(61)).await;
    assert_eq!(fixture.drain(at(61)).await, ["media.persisted second"]);
}

pub(super) async fn an_endpoint_for_media_only_hears_of_every_file(fixture: Fixture) {
    let mut message = image("A");
    message.followups = vec![ENDPOINT.into(), "media-only".into()];
    fixture.accept(vec![message], at(0)).await;
    fixture.store_next(at(1)).await;
    let claimed = fixture.claim(at(1)).await;
    let told: Vec<(&str, &str)> = claimed
        .iter()
        .map(|one| (one.endpoint.as_str(), one.event.event.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (ENDPOINT, "message.received"),
            ("media-only", "media.persisted")
        ]
    );
}

pub(super) async fn a_bucket_known_to_be_down_releases_all(fixture: Fixture) {
    fixture.accept(vec![image("A"), image("B")], at(0)).await;
    assert_eq!(fixture.store.release_overdue(at(1), true).await.unwrap(), 2);
    assert_eq!(
        fixture.drain(at(1)).await,
        ["message.received A Deadline", "message.received B Deadline"]
    );
}

pub(super) async fn waiting_past_the_deadline_releases_the_event(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let down = error("bucket_unreachable", true);
    for (now, told) in [(30, 0), (61, 1)] {
        fixture
            .store
            .transfer_waiting(&media("A"), at(100), down.clone(), false, at(now))
            .await
            .unwrap();
        assert_eq!(fixture.drain(at(now)).await.len(), told);
    }
}

pub(super) async fn event_ids_are_the_same_in_another_store(fixture: Fixture) {
    let other = Fixture::sqlite().await;
    let mut ids = Vec::new();
    for (fixture, later) in [(&fixture, 0), (&other, 77)] {
        let mut message = image("A");
        message.received_at = at(later);
        message.hold_until = None;
        fixture.accept(vec![message], at(later)).await;
        fixture
            .store
            .transfer_stored(&media("A"), stored(), at(later))
            .await
            .unwrap();
        let first = fixture.claim(at(later)).await;
        fixture
            .store
            .delivered(first[0].id, at(later))
            .await
            .unwrap();
        let second = fixture.claim(at(later)).await;
        ids.push([first[0].event.id.clone(), second[0].event.id.clone()]);
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0][0], ids[0][1]);
}
