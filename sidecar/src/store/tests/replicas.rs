//! Replicas over one database: what no single store can show.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::fixture::{
    ENDPOINT, Fixture, at, claim, error, image, in_chat, reachable, session, stored, text,
};
use crate::message::{MediaId, SessionKey};
use crate::store::conn::Conn;
use crate::store::postgres::Link;
use crate::store::{MediaFilter, MediaStatus, NewMessage, Store};

async fn two() -> (Fixture, Store) {
    let fixture = Fixture::postgres().await;
    let other = fixture.another(session()).await;
    (fixture, other)
}

fn id() -> MediaId {
    MediaId("media-A".into())
}

async fn status(store: &Store) -> MediaStatus {
    store.media(&id()).await.unwrap().unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_both_take_at_once_is_kept_once() {
    let (fixture, other) = two().await;
    let batch: Vec<NewMessage> = (0..50).map(|n| text(&format!("M{n}"))).collect();
    let stores = [&fixture.store, &other];
    let rounds = (0..8).map(|n| stores[n % 2].accept(batch.clone(), at(0)));
    let mut new = 0;
    for accepted in join_all(rounds).await {
        new += accepted.unwrap().iter().filter(|one| one.new).count();
    }
    assert_eq!(new, 50);
    assert_eq!(fixture.drain(at(0)).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_is_claimed_twice() {
    let (fixture, other) = two().await;
    let batch = (0..60).map(|n| image(&format!("M{n}"))).collect();
    fixture.accept(batch, at(0)).await;
    let work = async |store: &Store| {
        let mut claimed = Vec::new();
        while let Some(record) = store.claim_transfer(at(1)).await.unwrap() {
            claimed.push(record.id.0);
        }
        claimed
    };
    let claimed = join_all([&fixture.store, &other, &fixture.store, &other].map(work)).await;
    let all: Vec<String> = claimed.concat();
    let once: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (60, 60));
}

/// Many chats, and in each two that may go: one that is tried again, and one that may pass it.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_and_chat_has_one_deliverer() {
    let (fixture, other) = two().await;
    for chat in 0..40 {
        let chat = format!("{chat}@g.us");
        let batch = vec![
            in_chat(text(&format!("A{chat}")), &chat),
            in_chat(text(&format!("B{chat}")), &chat),
        ];
        fixture.accept(batch, at(0)).await;
    }
    for head in fixture.claim(at(0)).await {
        let store = &fixture.store;
        store
            .retry_delivery(head.id, at(300), "503", at(0))
            .await
            .unwrap();
    }
    for _ in 0..10 {
        let claims = [&fixture.store, &other, &fixture.store, &other]
            .map(|store| store.claim_deliveries_of(ENDPOINT, at(301), 16));
        let mut claimed = Vec::new();
        for claim in join_all(claims).await {
            claimed.extend(claim.unwrap());
        }
        let chats: BTreeSet<&String> = claimed.iter().map(|one| &one.chat).collect();
        assert_eq!(chats.len(), claimed.len(), "one per chat");
        for one in &claimed {
            let store = &fixture.store;
            store
                .retry_delivery(one.id, at(301), "503", at(301))
                .await
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_delivers_what_another_took_in_its_order() {
    let (fixture, other) = two().await;
    for n in 0..10 {
        let store = if n % 2 == 0 { &fixture.store } else { &other };
        store
            .accept(vec![text(&format!("M{n}"))], at(0))
            .await
            .unwrap();
    }
    let mut told = Vec::new();
    for turn in 0..10 {
        let store = if turn % 3 == 0 {
            &fixture.store
        } else {
            &other
        };
        let claimed = claim(store, at(1)).await;
        assert_eq!(claimed.len(), 1);
        told.push(claimed[0].event.facts["id"].as_str().unwrap().to_owned());
        store.delivered(claimed[0].id, at(1)).await.unwrap();
    }
    let order: Vec<String> = (0..10).map(|n| format!("M{n}")).collect();
    assert_eq!(told, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_renewed_stands_and_one_that_is_not_lapses() {
    let (fixture, other) = two().await;
    fixture
        .accept(vec![image("A"), in_chat(text("B"), "b@g.us")], at(0))
        .await;
    fixture.store.claim_transfer(at(0)).await.unwrap().unwrap();
    let delivery = fixture.claim(at(0)).await.remove(0);
    fixture.age_leases(20);
    fixture.store.keep_leases(at(20)).await.unwrap();
    fixture.age_leases(20);
    // Not even a replica whose clock is years ahead takes over what was renewed.
    other.keep_leases(at(1_000_000_000)).await.unwrap();
    assert!(other.claim_transfer(at(49)).await.unwrap().is_none());
    assert!(claim(&other, at(49)).await.is_empty());
    fixture.age_leases(11);
    other.keep_leases(at(50)).await.unwrap();
    assert!(other.claim_transfer(at(50)).await.unwrap().is_some());
    let taken = claim(&other, at(50)).await;
    assert_eq!(taken[0].event.id, delivery.event.id);
    // The one who was too slow comes back: what it says of the file or delivery has no weight …
    let old = &fixture.store;
    old.transfer_failed(&id(), error("media_expired", false), at(51))
        .await
        .unwrap();
    assert_eq!(status(old).await, MediaStatus::Running);
    old.retry_delivery(delivery.id, at(51), "503", at(51))
        .await
        .unwrap();
    old.dead_letter(delivery.id, "410", at(51)).await.unwrap();
    assert!(claim(old, at(52)).await.is_empty());
    // … unless it is done.
    old.transfer_stored(&id(), stored(), at(51)).await.unwrap();
    assert_eq!(status(old).await, MediaStatus::Stored);
    old.delivered(delivery.id, at(51)).await.unwrap();
    other.delivered(delivery.id, at(52)).await.unwrap();
    assert_eq!(fixture.drain(at(53)).await, ["message.received A Stored"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_leaves_its_work_at_once() {
    let (fixture, other) = two().await;
    fixture
        .accept(vec![image("A"), in_chat(text("B"), "b@g.us")], at(0))
        .await;
    other.claim_transfer(at(0)).await.unwrap().unwrap();
    assert_eq!(claim(&other, at(0)).await.len(), 1);
    other.close(at(1)).await.unwrap();
    assert!(fixture.store.claim_transfer(at(1)).await.unwrap().is_some());
    assert_eq!(fixture.claim(at(1)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_database_do_not_see_each_other() {
    let fixture = Fixture::postgres().await;
    let other = fixture
        .another(SessionKey {
            tenant: "acme".into(),
            session: "second".into(),
        })
        .await;
    fixture.accept(vec![image("A"), text("B")], at(0)).await;
    assert!(other.media(&id()).await.unwrap().is_none());
    assert!(
        other
            .list(MediaFilter {
                limit: 9,
                ..MediaFilter::default()
            })
            .await
            .unwrap()
            .records
            .is_empty()
    );
    assert!(other.claim_transfer(at(1)).await.unwrap().is_none());
    assert!(claim(&other, at(1)).await.is_empty());
    assert_eq!(
        other.depths().await.unwrap(),
        crate::store::Depths::default()
    );
    assert!(
        other.accept(vec![image("A")], at(1)).await.unwrap()[0].new,
        "its own message"
    );
    assert_eq!(
        other.claim_transfer(at(1)).await.unwrap().unwrap().session,
        *other.session()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_another_left_wakes_those_who_wait() {
    let (fixture, other) = two().await;
    other
        .accept(vec![image("A"), in_chat(text("B"), "b@g.us")], at(0))
        .await
        .unwrap();
    fixture.store.look_again(at(1)).await.unwrap();
    fixture.store.transfers_changed().notified().await;
    fixture.store.outbox_changed().notified().await;
    fixture.store.holds_changed().notified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_come_back() {
    let (fixture, other) = two().await;
    fixture.accept(vec![text("A")], at(0)).await;
    for _ in 0..3 {
        fixture.database().sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        // What writes tries again by itself: nothing was begun.
        assert!(!fixture.accept(vec![text("A")], at(1)).await[0].new);
        assert!(other.claim_transfer(at(1)).await.unwrap().is_none());
        // What reads answers once with an error.
        let _lost = fixture.store.depths().await;
        assert_eq!(fixture.store.depths().await.unwrap().deliveries_pending, 1);
    }
}

/// An HTTP caller that hangs up drops the query that it waits for, wherever that stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_hangs_up_leaves_a_connection_of_use() {
    let fixture = Fixture::postgres().await;
    fixture.accept(vec![image("A")], at(0)).await;
    for step in 0..150 {
        let patience = std::time::Duration::from_micros(step * 20);
        let _hung_up = tokio::time::timeout(patience, fixture.store.media(&id())).await;
    }
    assert_eq!(status(&fixture.store).await, MediaStatus::Queued);
    assert_eq!(fixture.store.depths().await.unwrap().queued, 1);
}

/// A replica that froze within a transaction: the server ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_replica_does_not_stop_the_others_for_long() {
    let fixture = Fixture::postgres().await;
    let database = reachable(&fixture.database().url());
    let mut frozen = Conn::Postgres(Link::open(&database, Some(&session())).await.unwrap());
    frozen.begin().await.unwrap();
    assert!(fixture.accept(vec![text("A")], at(0)).await[0].new);
    assert!(frozen.execute("COMMIT").await.is_err(), "it was ended");
}
