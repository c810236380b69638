//! Dead letters, and deliveries that go again.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{ENDPOINT, Fixture, at, text};
use crate::store::{Audience, DeadLetterFilter, Replay, ReplayedEvents};

const OTHER: &str = "other";

/// A replay to these endpoints, which want everything.
fn replay(events: ReplayedEvents, endpoints: &[&str]) -> Replay {
    let ids: Vec<String> = endpoints.iter().map(|id| (*id).to_owned()).collect();
    Replay {
        events,
        dead: true,
        delivered: false,
        audience: Audience {
            endpoints: ids.iter().cloned().collect(),
            heirs: Some(Arc::new(move |_| ids.clone())),
        },
    }
}

fn always() -> ReplayedEvents {
    ReplayedEvents::Between(at(0), at(1_000_000))
}

async fn queued(fixture: &Fixture, replay: Replay, now: u64) -> u64 {
    fixture.store.replay(replay, at(now)).await.unwrap().queued
}

/// Takes messages and gives all their deliveries up.
async fn die(fixture: &Fixture, ids: &[&str]) {
    let messages = ids.iter().map(|id| text(id)).collect();
    fixture.accept(messages, at(0)).await;
    for _ in ids {
        let claimed = fixture.claim(at(1)).await;
        let store = &fixture.store;
        store
            .dead_letter(claimed[0].id, "500", at(1))
            .await
            .unwrap();
    }
}

pub(super) async fn dead_letters_are_listed_newest_first_by_page(fixture: Fixture) {
    die(&fixture, &["A", "B", "C"]).await;
    let filter = |cursor, limit| DeadLetterFilter {
        cursor,
        limit,
        ..DeadLetterFilter::default()
    };
    let list = async |filter| fixture.store.dead_letters(filter).await.unwrap();
    let first = list(filter(None, 2)).await;
    let second = list(filter(first.next_cursor, 2)).await;
    let letters = [first.letters, second.letters].concat();
    let ids: Vec<_> = letters
        .iter()
        .map(|one| one.message_id.as_deref())
        .collect();
    assert_eq!(ids, [Some("C"), Some("B"), Some("A")]);
    assert_eq!(second.next_cursor, None);
    let letter = &letters[0];
    assert_eq!((letter.attempts, letter.error.as_deref()), (1, Some("500")));
    assert_eq!((letter.created_at, letter.died_at), (at(0), at(1)));
    let narrowed = async |endpoint: Option<&str>, since| {
        let filter = DeadLetterFilter {
            endpoint: endpoint.map(str::to_owned),
            since,
            ..filter(None, 10)
        };
        list(filter).await.letters.len()
    };
    assert_eq!(narrowed(Some(ENDPOINT), None).await, 3);
    assert_eq!(narrowed(Some(OTHER), None).await, 0);
    assert_eq!(narrowed(None, Some(at(1))).await, 3);
    assert_eq!(narrowed(None, Some(at(2))).await, 0);
}

pub(super) async fn what_died_goes_again_in_its_order_behind_what_is_before_it(fixture: Fixture) {
    fixture.accept(vec![text("EARLIER")], at(0)).await;
    let earlier = fixture.claim(at(0)).await;
    let store = &fixture.store;
    let later = at(600);
    store
        .retry_delivery(earlier[0].id, later, "503", at(0))
        .await
        .unwrap();
    fixture.accept(vec![text("A"), text("B")], at(0)).await;
    for _ in 0..2 {
        // Five minutes after the first one opened, the others may pass it.
        let claimed = fixture.claim(at(301)).await;
        store
            .dead_letter(claimed[0].id, "500", at(301))
            .await
            .unwrap();
    }
    fixture.accept(vec![text("C")], at(302)).await;
    assert_eq!(
        queued(&fixture, replay(always(), &[ENDPOINT]), 303).await,
        2
    );
    assert_eq!(
        fixture.drain(at(303)).await,
        [
            "message.received A",
            "message.received B",
            "message.received C"
        ]
    );
    assert_eq!(fixture.drain(later).await, ["message.received EARLIER"]);
    assert_eq!(store.depths().await.unwrap().deliveries_dead, 0);
}

pub(super) async fn what_is_on_its_way_is_not_queued_twice(fixture: Fixture) {
    die(&fixture, &["A"]).await;
    let all = |delivered| Replay {
        delivered,
        ..replay(always(), &[ENDPOINT])
    };
    assert_eq!(queued(&fixture, all(true), 2).await, 1);
    assert_eq!(queued(&fixture, all(true), 2).await, 0);
    let claimed = fixture.claim(at(2)).await;
    assert_eq!(claimed[0].attempts, 0, "attempts are counted anew");
    let store = &fixture.store;
    let replayed = store.replay(all(true), at(2)).await.unwrap();
    assert_eq!((replayed.events, replayed.queued), (1, 0));
    store.delivered(claimed[0].id, at(3)).await.unwrap();
    assert_eq!(queued(&fixture, all(false), 4).await, 0);
    assert_eq!(queued(&fixture, all(true), 4).await, 1);
    let again = fixture.claim(at(4)).await;
    assert_eq!(again[0].event.id, claimed[0].event.id);
}

/// The reader may not see the outcome yet; the writer, which is asked behind it, does.
pub(super) async fn what_ended_just_now_goes_again_by_its_id(fixture: Fixture) {
    fixture.accept(vec![text("A")], at(0)).await;
    let claimed = fixture.claim(at(1)).await;
    let delivered = fixture.store.delivered(claimed[0].id, at(1));
    let by_id = Replay {
        delivered: true,
        ..replay(ReplayedEvents::Id(claimed[0].event.id.clone()), &[ENDPOINT])
    };
    let (delivered, queued) = tokio::join!(delivered, queued(&fixture, by_id, 2));
    delivered.unwrap();
    assert_eq!(queued, 1);
}

pub(super) async fn what_a_removed_endpoint_left_goes_to_those_that_want_it_now(fixture: Fixture) {
    fixture.accept(vec![text("A")], at(0)).await;
    let keep = [OTHER.to_owned()];
    let store = &fixture.store;
    store.drop_endpoints_except(&keep, at(1)).await.unwrap();
    let mut alone = replay(always(), &[OTHER]);
    alone.audience.heirs = None;
    assert_eq!(queued(&fixture, alone, 2).await, 0);
    let heirs = [OTHER, "third"];
    assert_eq!(queued(&fixture, replay(always(), &heirs), 2).await, 2);
    let claimed = fixture.claim(at(2)).await;
    let reached: Vec<_> = claimed.iter().map(|one| one.endpoint.as_str()).collect();
    assert_eq!(reached, heirs);
    assert_eq!(claimed[0].event.id, claimed[1].event.id);
    assert_eq!(store.depths().await.unwrap().deliveries_dead, 0);
    assert_eq!(queued(&fixture, replay(always(), &heirs), 2).await, 0);
}

pub(super) async fn a_replayed_event_is_kept_until_it_is_delivered_again(fixture: Fixture) {
    fixture.accept(vec![text("A")], at(0)).await;
    fixture.drain(at(0)).await;
    let again = Replay {
        delivered: true,
        ..replay(always(), &[ENDPOINT])
    };
    assert_eq!(queued(&fixture, again, 1).await, 1);
    let (week, store) = (Duration::from_hours(8 * 24), &fixture.store);
    let later = at(0).checked_add(week).unwrap();
    let retention = Duration::from_hours(90 * 24);
    store.prune(later, retention).await.unwrap();
    assert_eq!(fixture.drain(later).await, ["message.received A"]);
    let pruned = store
        .prune(later.checked_add(week).unwrap(), retention)
        .await;
    assert_eq!(pruned.unwrap().events, 1);
}

pub(super) async fn an_event_is_found_far_behind_the_first_window(fixture: Fixture) {
    for batch in 0..10 {
        let messages = (0..1000)
            .map(|number| text(&format!("{batch}-{number}")))
            .collect();
        fixture.accept(messages, at(batch)).await;
    }
    let keep = [OTHER.to_owned()];
    let store = &fixture.store;
    store.drop_endpoints_except(&keep, at(10)).await.unwrap();
    let newest = store.dead_letters(DeadLetterFilter {
        limit: 1,
        ..DeadLetterFilter::default()
    });
    let id = newest.await.unwrap().letters[0].event_id.clone();
    let one = replay(ReplayedEvents::Id(id), &[OTHER]);
    let replayed = store.replay(one, at(11)).await.unwrap();
    assert_eq!((replayed.events, replayed.queued), (1, 1));
    assert_eq!(fixture.drain(at(11)).await, ["message.received 9-999"]);
    assert_eq!(
        queued(&fixture, replay(always(), &[OTHER]), 12).await,
        9_999
    );
}
