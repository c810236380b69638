//! Messages to send at replicas over one database.

use std::collections::BTreeSet;
use std::sync::Mutex;

use futures_util::future::join_all;

use super::fixture::{Fixture, at, session};
use super::sends::{
    ask, claim_all, code, document, failure, next, patient, progress, sent, to, words,
};
use crate::store::{Asked, NewSend, Progress, Store};

async fn two() -> (Fixture, Store) {
    let fixture = Fixture::postgres().await;
    let other = fixture.another(session()).await;
    (fixture, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_the_replica_that_has_it() {
    let (fixture, other) = two().await;
    ask(&fixture.store, document("A"), at(0)).await;
    ask(&other, to("b@g.us", patient(document("B"))), at(0)).await;
    ask(&other, to("c@g.us", words("C")), at(0)).await;
    assert_eq!(claim_all(&fixture.store, at(1)).await, ["cmd-A", "cmd-C"]);
    assert_eq!(claim_all(&other, at(1)).await, ["cmd-B"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_vanishes_loses_its_files_and_leaves_its_patient_texts() {
    let (fixture, gone) = two().await;
    ask(&gone, to("a@g.us", patient(words("running"))), at(0)).await;
    ask(&gone, to("b@g.us", patient(document("file"))), at(0)).await;
    ask(&gone, to("c@g.us", words("waited-for")), at(0)).await;
    assert_eq!(claim_all(&gone, at(0)).await.len(), 3);
    ask(&gone, to("a@g.us", patient(words("behind"))), at(0)).await;
    ask(&gone, to("b@g.us", patient(document("behind-file"))), at(0)).await;
    ask(&gone, to("c@g.us", words("unheard")), at(0)).await;
    let lost = [
        "cmd-file",
        "cmd-waited-for",
        "cmd-behind-file",
        "cmd-unheard",
    ];
    fixture.age_leases(29);
    fixture.store.keep_leases(at(29)).await.unwrap();
    for id in lost {
        assert_eq!(progress(&fixture.store, id).await, Progress::Open, "{id}");
    }
    assert!(next(&fixture.store, at(29)).await.is_none());
    fixture.age_leases(2);
    fixture.store.keep_leases(at(31)).await.unwrap();
    for id in lost {
        assert_eq!(code(&fixture.store, id).await, "interrupted", "{id}");
    }
    assert_eq!(claim_all(&fixture.store, at(31)).await, ["cmd-running"]);
    // Those that had no caller are told.
    for id in ["cmd-file", "cmd-behind-file"] {
        let told = fixture.claim(at(32)).await.remove(0);
        assert_eq!(told.event.facts["correlationId"], id);
        fixture.store.delivered(told.id, at(32)).await.unwrap();
    }
    assert!(fixture.claim(at(32)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_renewed_stays_where_it_is() {
    let (fixture, other) = two().await;
    let store = &fixture.store;
    ask(store, to("a@g.us", patient(words("running"))), at(0)).await;
    ask(store, to("b@g.us", patient(document("waiting"))), at(0)).await;
    assert_eq!(claim_all(store, at(0)).await.len(), 2);
    store.send_waiting("cmd-waiting", at(9999)).await.unwrap();
    ask(store, to("a@g.us", words("queued")), at(0)).await;
    for _ in 0..3 {
        fixture.age_leases(20);
        store.keep_leases(at(1)).await.unwrap();
        // Not even a replica whose clock is years ahead takes them over.
        other.keep_leases(at(1_000_000_000)).await.unwrap();
    }
    for id in ["cmd-running", "cmd-waiting", "cmd-queued"] {
        assert_eq!(progress(&other, id).await, Progress::Open);
    }
    assert!(next(&other, at(100)).await.is_none());
    // What has an end is held no longer.
    store
        .send_done("cmd-running", sent("A"), at(2))
        .await
        .unwrap();
    assert_eq!(claim_all(&other, at(3)).await, ["cmd-queued"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stops_lets_go_at_once() {
    let (fixture, other) = two().await;
    ask(&other, to("a@g.us", patient(words("A"))), at(0)).await;
    ask(&other, to("b@g.us", patient(document("B"))), at(0)).await;
    ask(&other, to("c@g.us", words("C")), at(0)).await;
    ask(&other, to("d@g.us", words("D")), at(0)).await;
    assert_eq!(next(&other, at(0)).await.unwrap().id, "cmd-A");
    assert_eq!(next(&fixture.store, at(0)).await.unwrap().id, "cmd-C");
    other.close(at(1)).await.unwrap();
    assert_eq!(claim_all(&fixture.store, at(1)).await, ["cmd-A"]);
    for id in ["cmd-B", "cmd-D"] {
        assert_eq!(code(&fixture.store, id).await, "interrupted");
    }
    assert_eq!(progress(&fixture.store, "cmd-C").await, Progress::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_was_sent_and_other_ends_are_for_whoever_has_it() {
    let (fixture, other) = two().await;
    let late = &fixture.store;
    for chat in ["a@g.us", "b@g.us", "c@g.us"] {
        ask(late, to(chat, patient(words(chat))), at(0)).await;
    }
    assert_eq!(claim_all(late, at(0)).await.len(), 3);
    fixture.age_leases(31);
    other.keep_leases(at(31)).await.unwrap();
    for id in ["cmd-a@g.us", "cmd-b@g.us"] {
        assert_eq!(next(&other, at(31)).await.unwrap().id, id);
    }
    let error = failure("gateway_refused", false);
    late.send_failed("cmd-a@g.us", error, at(32)).await.unwrap();
    late.send_waiting("cmd-a@g.us", at(99)).await.unwrap();
    assert_eq!(progress(late, "cmd-a@g.us").await, Progress::Open);
    assert!(
        next(late, at(99))
            .await
            .is_none_or(|claimed| claimed.id == "cmd-c@g.us")
    );
    // Running there, and there not even claimed yet.
    for id in ["cmd-b@g.us", "cmd-c@g.us"] {
        late.send_done(id, sent("X"), at(33)).await.unwrap();
        assert!(matches!(progress(late, id).await, Progress::Sent { .. }));
    }
    assert!(next(&other, at(99)).await.is_none());
    let error = failure("gateway_refused", false);
    other
        .send_failed("cmd-b@g.us", error, at(34))
        .await
        .unwrap();
    assert!(matches!(
        progress(late, "cmd-b@g.us").await,
        Progress::Sent { .. }
    ));
}

/// What the workers of [`no_chat_has_two_on_their_way_and_each_keeps_its_order`] saw.
#[derive(Default)]
struct Seen {
    running: BTreeSet<String>,
    /// Chat and id.
    claimed: Vec<(String, String)>,
}

/// Both ask, claim and end at once, in few chats.
#[tokio::test(flavor = "multi_thread")]
async fn no_chat_has_two_on_their_way_and_each_keeps_its_order() {
    const CHATS: usize = 5;
    const EACH: usize = 24;
    let (fixture, other) = two().await;
    let stores = [&fixture.store, &other];
    let asks = (0..CHATS).map(|chat| async move {
        for n in 0..EACH {
            let send = patient(words(&format!("{chat}-{n:02}")));
            ask(stores[n % 2], to(&format!("{chat}@g.us"), send), at(0)).await;
        }
    });
    let seen = Mutex::new(Seen::default());
    let works = (0..6).map(|n| {
        let (store, seen) = (stores[n % 2], &seen);
        async move {
            while seen.lock().unwrap().claimed.len() < CHATS * EACH {
                let Some(claimed) = next(store, at(1)).await else {
                    continue;
                };
                let (chat, id) = (claimed.dispatch.unwrap().message.chat, claimed.id);
                {
                    let mut seen = seen.lock().unwrap();
                    assert!(seen.running.insert(chat.clone()), "two of {chat}");
                    seen.claimed.push((chat.clone(), id.clone()));
                }
                tokio::task::yield_now().await;
                assert!(seen.lock().unwrap().running.remove(&chat));
                store.send_done(&id, sent("A"), at(1)).await.unwrap();
            }
        }
    });
    tokio::join!(join_all(asks), join_all(works));
    let claimed = seen.into_inner().unwrap().claimed;
    for chat in 0..CHATS {
        let of_chat = claimed
            .iter()
            .filter(|(of, _)| *of == format!("{chat}@g.us"));
        let ids: Vec<&String> = of_chat.map(|(_, id)| id).collect();
        assert_eq!(ids.len(), EACH);
        assert!(ids.is_sorted(), "{ids:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_at_once_under_one_key_at_two_replicas_are_one() {
    let (fixture, other) = two().await;
    let stores = [&fixture.store, &other];
    let calls = (0..8).map(|n| {
        let send = NewSend {
            idempotency_key: Some("k".into()),
            ..words(&n.to_string())
        };
        stores[n % 2].ask_to_send(send, at(0))
    });
    let asked = join_all(calls).await.into_iter().map(Result::unwrap);
    assert_eq!(asked.filter(|asked| *asked == Asked::Queued).count(), 1);
}

/// A claim is past the session's lock: it and a withdrawal may meet.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_is_not_claimed_and_the_reverse() {
    let (fixture, other) = two().await;
    for n in 0..20 {
        let id = format!("cmd-{n}");
        ask(&fixture.store, words(&n.to_string()), at(0)).await;
        let busy = failure("chat_busy", true);
        let (withdrawn, claimed) = tokio::join!(
            fixture.store.withdraw_send(&id, busy, at(1)),
            next(&other, at(1))
        );
        assert_ne!(withdrawn.unwrap(), claimed.is_some());
        if claimed.is_some() {
            other.send_done(&id, sent("A"), at(1)).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_left_wakes_those_who_send() {
    let (fixture, other) = two().await;
    ask(&other, patient(words("A")), at(5)).await;
    fixture.store.look_again(at(4)).await.unwrap();
    let mut woken = Box::pin(fixture.store.sends_changed().notified());
    assert!(futures_util::poll!(&mut woken).is_pending(), "not yet");
    fixture.store.look_again(at(5)).await.unwrap();
    woken.await;
}
