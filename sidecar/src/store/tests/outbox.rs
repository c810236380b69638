//! The outbox: order per chat, independence of chats and endpoints.

use std::time::Duration;

use super::fixture::{ENDPOINT, Fixture, at, describe, image, in_chat, text};
use crate::store::Delivery;

const OTHER: &str = "other@s.whatsapp.net";

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|one| {
            let id = one.event.facts["id"].as_str().unwrap();
            format!("{} {id}", one.endpoint)
        })
        .collect()
}

pub(super) async fn one_chat_keeps_its_order(fixture: Fixture) {
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    fixture.accept(vec![text("C")], at(0)).await;
    let first = fixture.claim(at(0)).await;
    assert_eq!(ids(&first), ["app A"]);
    assert!(fixture.claim(at(1)).await.is_empty(), "A is in flight");
    fixture.store.delivered(first[0].id, at(1)).await.unwrap();
    fixture.store.delivered(first[0].id, at(1)).await.unwrap();
    assert_eq!(
        fixture.drain(at(1)).await,
        ["message.received B", "message.received C"]
    );
    assert_eq!(fixture.store.depths().await.unwrap().deliveries_pending, 0);
}

pub(super) async fn chats_do_not_wait_for_each_other(fixture: Fixture) {
    let batch = vec![text("A"), text("B"), in_chat(text("C"), OTHER)];
    fixture.accept(batch, at(0)).await;
    assert_eq!(ids(&fixture.claim(at(0)).await), ["app A", "app C"]);
}

pub(super) async fn endpoints_do_not_wait_for_each_other(fixture: Fixture) {
    let both = |id: &str| {
        let mut message = text(id);
        message.endpoints = vec![ENDPOINT.into(), "dead".into()];
        message
    };
    fixture.accept(vec![both("A"), both("B")], at(0)).await;
    let first = fixture.claim(at(0)).await;
    assert_eq!(ids(&first), ["app A", "dead A"]);
    fixture.store.delivered(first[0].id, at(0)).await.unwrap();
    fixture
        .store
        .retry_delivery(first[1].id, at(30), "503", at(0))
        .await
        .unwrap();
    assert_eq!(ids(&fixture.claim(at(1)).await), ["app B"]);
    let of = fixture.store.claim_deliveries_of("dead", at(30), 9).await;
    assert_eq!(ids(&of.unwrap()), ["dead A"]);
}

pub(super) async fn a_retried_head_delays_its_chat_for_five_minutes(fixture: Fixture) {
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    let retry = async |now: u64, due: u64| {
        let claimed = fixture.claim(at(now)).await;
        assert_eq!(ids(&claimed), ["app A"], "at {now}");
        let id = claimed[0].id;
        let store = &fixture.store;
        store
            .retry_delivery(id, at(due), "503", at(now))
            .await
            .unwrap();
    };
    retry(0, 100).await;
    fixture.accept(vec![text("C")], at(50)).await;
    retry(100, 200).await;
    retry(200, 1000).await;
    assert!(fixture.claim(at(299)).await.is_empty());
    assert_eq!(
        fixture.store.next_delivery_due().await.unwrap(),
        Some(at(300))
    );
    let passed = fixture.claim(at(300)).await;
    assert_eq!(ids(&passed), ["app B"]);
    assert_eq!(passed[0].first_due, at(300));
    fixture
        .store
        .delivered(passed[0].id, at(301))
        .await
        .unwrap();
    assert_eq!(fixture.drain(at(301)).await, ["message.received C"]);
    fixture.accept(vec![text("D")], at(302)).await;
    assert_eq!(fixture.drain(at(302)).await, ["message.received D"]);
    let late = fixture.claim(at(1000)).await;
    assert_eq!(ids(&late), ["app A"]);
    assert_eq!(late[0].attempts, 3);
    assert_eq!(late[0].first_due, at(0));
}

pub(super) async fn a_held_head_delays_its_chat_until_released(fixture: Fixture) {
    let mut held = image("A");
    held.hold_until = Some(at(100_000));
    let batch = vec![held, text("B"), in_chat(text("C"), OTHER)];
    fixture.accept(batch, at(0)).await;
    assert_eq!(fixture.drain(at(1)).await, ["message.received C"]);
    assert_eq!(
        fixture.store.next_hold_deadline().await.unwrap(),
        Some(at(300)),
        "no hold is longer than five minutes"
    );
    fixture.store.release_overdue(at(300), false).await.unwrap();
    assert_eq!(
        fixture.drain(at(300)).await,
        ["message.received A Deadline", "message.received B"]
    );
}

pub(super) async fn leased_deliveries_go_again_after_a_crash(mut fixture: Fixture) {
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    let before = fixture.claim(at(0)).await;
    fixture.reopen().await;
    assert!(fixture.claim(at(1)).await.is_empty());
    // Over a file at once, over a database once the lease has run out.
    fixture.age_leases(31);
    fixture.store.recover(at(31)).await.unwrap();
    let after = fixture.claim(at(31)).await;
    assert_eq!(after[0].event.id, before[0].event.id);
    fixture.store.delivered(after[0].id, at(31)).await.unwrap();
    assert_eq!(fixture.drain(at(31)).await, ["message.received B"]);
}

pub(super) async fn a_dead_letter_lets_the_next_go(fixture: Fixture) {
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    let first = fixture.claim(at(0)).await;
    let store = &fixture.store;
    store.dead_letter(first[0].id, "410", at(1)).await.unwrap();
    assert_eq!(fixture.drain(at(1)).await, ["message.received B"]);
    let depths = store.depths().await.unwrap();
    assert_eq!((depths.deliveries_pending, depths.deliveries_dead), (0, 1));
}

pub(super) async fn removed_endpoints_leave_dead_letters(fixture: Fixture) {
    let mut message = text("A");
    message.endpoints = vec![ENDPOINT.into(), "gone".into()];
    fixture.accept(vec![message], at(0)).await;
    let store = &fixture.store;
    let keep = [ENDPOINT.to_owned()];
    assert_eq!(store.drop_endpoints_except(&keep, at(1)).await.unwrap(), 1);
    assert_eq!(ids(&fixture.claim(at(1)).await), ["app A"]);
    assert_eq!(store.depths().await.unwrap().deliveries_dead, 1);
}

pub(super) async fn the_next_due_time_ignores_what_cannot_be_claimed(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.next_delivery_due().await.unwrap(), None);
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    assert_eq!(store.next_delivery_due().await.unwrap(), Some(at(0)));
    let claimed = fixture.claim(at(0)).await;
    assert_eq!(store.next_delivery_due().await.unwrap(), None);
    let id = claimed[0].id;
    store
        .retry_delivery(id, at(40), "503", at(1))
        .await
        .unwrap();
    assert_eq!(store.next_delivery_due().await.unwrap(), Some(at(40)));
}

/// Not a matter of time: the rows behind a head are never in the index that claims read.
pub(super) async fn a_hundred_thousand_behind_a_dead_endpoint_cost_nothing(fixture: Fixture) {
    for batch in 0..100 {
        let messages = (0..1000)
            .map(|number| text(&format!("{batch}-{number}")))
            .collect();
        fixture.accept(messages, at(0)).await;
        if batch % 20 == 5 {
            // As it comes every half a minute.
            let week = Duration::from_hours(7 * 24);
            fixture.store.prune(at(0), week).await.unwrap();
        }
    }
    let mut due = 0;
    for round in 0..50 {
        let claimed = fixture.claim(at(due)).await;
        assert_eq!(ids(&claimed), ["app 0-0"]);
        due = round * 5 + 5;
        let id = claimed[0].id;
        let now = at(due - 5);
        let store = &fixture.store;
        store.retry_delivery(id, at(due), "503", now).await.unwrap();
        fixture
            .accept(vec![text(&format!("late-{round}"))], now)
            .await;
    }
    let claimed = fixture.claim(at(due)).await;
    assert_eq!(describe(&claimed[0]), "message.received 0-0");
    assert_eq!(
        fixture.store.depths().await.unwrap().deliveries_pending,
        100_050
    );
}
