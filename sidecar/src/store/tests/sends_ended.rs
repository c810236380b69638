//! What becomes of messages to send: results, crashes, and what is kept how long.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::fixture::{CHAT, ENDPOINT, Fixture, at};
use super::sends::{
    OTHER_CHAT, ask, claim_all, code, document, failure, next, patient, progress, sent, to, under,
    words,
};
use crate::store::{DeadLetterFilter, EventRow, NewSend, Progress, sql};

const DAY: u64 = 24 * 3600;
const RETENTION: Duration = Duration::from_secs(90 * DAY);

/// Delivers all that is due at `now`; answers the events.
async fn told(fixture: &Fixture, now: Timestamp) -> Vec<EventRow> {
    let mut told = Vec::new();
    loop {
        let claimed = fixture.claim(now).await;
        if claimed.is_empty() {
            return told;
        }
        for delivery in claimed {
            fixture.store.delivered(delivery.id, now).await.unwrap();
            told.push(delivery.event);
        }
    }
}

pub(super) async fn what_has_ended_keeps_neither_words_nor_key(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, words("A"), at(0)).await;
    ask(store, to(OTHER_CHAT, document("B")), at(0)).await;
    for id in claim_all(store, at(1)).await {
        let error = failure("gateway_refused", false);
        store.send_failed(&id, error, at(2)).await.unwrap();
    }
    let mut conn = store.reader().await.unwrap();
    let kept = sql::query("SELECT id FROM sends WHERE message <> '' OR file_key IS NOT NULL")
        .scalars::<String>(&mut conn)
        .await;
    assert!(kept.unwrap().is_empty());
}

pub(super) async fn the_first_outcome_stands(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, patient(words("A")), at(0)).await;
    let early = failure("early", false);
    store.send_failed("cmd-A", early, at(0)).await.unwrap();
    assert_eq!(progress(store, "cmd-A").await, Progress::Open, "not begun");
    next(store, at(1)).await.unwrap();
    store.send_done("cmd-A", sent("A"), at(2)).await.unwrap();
    let before = progress(store, "cmd-A").await;
    let late = failure("late", true);
    store.send_failed("cmd-A", late, at(3)).await.unwrap();
    store.send_waiting("cmd-A", at(4)).await.unwrap();
    store.send_done("cmd-A", sent("X"), at(5)).await.unwrap();
    assert_eq!(progress(store, "cmd-A").await, before);
    assert!(next(store, at(9)).await.is_none());
    assert_eq!(told(&fixture, at(9)).await.len(), 1);
}

pub(super) async fn a_result_is_told_exactly_where_nobody_waits(fixture: Fixture) {
    let store = &fixture.store;
    let unheard = NewSend {
        endpoints: Vec::new(),
        ..patient(words("D"))
    };
    for send in [
        patient(words("A")),
        patient(words("B")),
        words("C"),
        unheard,
    ] {
        ask(store, send, at(0)).await;
    }
    next(store, at(1)).await.unwrap();
    store.send_waiting("cmd-A", at(2)).await.unwrap();
    assert!(told(&fixture, at(2)).await.is_empty(), "it has not ended");
    next(store, at(2)).await.unwrap();
    store.send_done("cmd-A", sent("A"), at(2)).await.unwrap();
    for _ in 0..3 {
        let claimed = next(store, at(3)).await.unwrap();
        let error = failure("gateway_refused", false);
        store.send_failed(&claimed.id, error, at(3)).await.unwrap();
    }
    let told = told(&fixture, at(4)).await;
    let facts: Vec<_> = told.iter().map(|event| event.facts.clone()).collect();
    let expected = [
        serde_json::json!({"correlationId": "cmd-A", "success": true, "chatId": CHAT,
            "result": {"id": "3EB0A", "status": "sent", "timestamp": at(7)}}),
        serde_json::json!({"correlationId": "cmd-B", "success": false, "chatId": CHAT,
            "result": {"code": "gateway_refused", "message": "of the test", "retryable": false}}),
    ];
    assert_eq!(facts, expected);
    assert!(told.iter().all(|event| event.event == "command.result"));
    assert_eq!(told[0].created_at, at(2));
    // The same call has the same event, wherever and whenever it ends.
    assert_eq!(told[0].id, "evt_9a638c857015d554a464341e8beeb982");
}

pub(super) async fn results_go_in_their_chats_lane(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["A", "B"] {
        ask(store, patient(words(id)), at(0)).await;
        let claimed = next(store, at(1)).await.unwrap();
        store.send_done(&claimed.id, sent(id), at(1)).await.unwrap();
    }
    let first = fixture.claim(at(2)).await;
    assert_eq!(first.len(), 1, "one of a chat at a time");
    assert_eq!(
        (first[0].chat.as_str(), first[0].endpoint.as_str()),
        (CHAT, ENDPOINT)
    );
    assert_eq!(first[0].event.facts["correlationId"], "cmd-A");
    store.delivered(first[0].id, at(2)).await.unwrap();
    let second = fixture.claim(at(2)).await;
    assert_eq!(second[0].event.facts["correlationId"], "cmd-B");
}

pub(super) async fn a_result_that_was_given_up_is_listed_until_its_retention(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, patient(words("A")), at(0)).await;
    next(store, at(1)).await.unwrap();
    store.send_done("cmd-A", sent("A"), at(1)).await.unwrap();
    let delivery = fixture.claim(at(2)).await.remove(0);
    store.dead_letter(delivery.id, "410", at(2)).await.unwrap();
    let listed = async || {
        let filter = DeadLetterFilter {
            limit: 9,
            ..DeadLetterFilter::default()
        };
        store.dead_letters(filter).await.unwrap().letters
    };
    let letters = listed().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].event, "command.result");
    assert_eq!(
        (letters[0].chat.as_str(), &letters[0].message_id),
        (CHAT, &None)
    );
    store.prune(at(90 * DAY), RETENTION).await.unwrap();
    assert_eq!(listed().await.len(), 1);
    store.prune(at(90 * DAY + 2), RETENTION).await.unwrap();
    assert!(listed().await.is_empty());
}

pub(super) async fn after_a_crash_only_what_nobody_waited_for_is_sent_again(mut fixture: Fixture) {
    let store = &fixture.store;
    let chats: Vec<String> = (0..4).map(|n| format!("{n}@g.us")).collect();
    ask(store, to(&chats[0], patient(words("again"))), at(0)).await;
    ask(store, to(&chats[1], under("k", words("lost"))), at(0)).await;
    ask(store, to(&chats[2], patient(words("sent"))), at(0)).await;
    ask(store, to(&chats[3], patient(words("waits"))), at(0)).await;
    assert_eq!(claim_all(store, at(1)).await.len(), 4);
    store
        .send_done("cmd-sent", sent("sent"), at(1))
        .await
        .unwrap();
    store.send_waiting("cmd-waits", at(999)).await.unwrap();
    ask(store, to(&chats[0], words("queued")), at(1)).await;
    ask(store, to(&chats[1], patient(words("behind"))), at(1)).await;
    fixture.reopen().await;
    // Over a file at once, over a database once the leases have run out.
    fixture.age_leases(31);
    let store = &fixture.store;
    store.recover(at(40)).await.unwrap();
    assert_eq!(code(store, "cmd-lost").await, "interrupted");
    assert_eq!(code(store, "cmd-queued").await, "interrupted");
    assert!(matches!(
        progress(store, "cmd-sent").await,
        Progress::Sent { .. }
    ));
    let claimed = claim_all(store, at(40)).await;
    assert_eq!(claimed, ["cmd-again", "cmd-behind"]);
    assert_eq!(store.next_send_due().await.unwrap(), Some(at(999)));
    let told = told(&fixture, at(41)).await;
    assert_eq!(told.len(), 1, "only of the one that was sent: {told:?}");
    assert_eq!(told[0].facts["correlationId"], "cmd-sent");
    // Whoever asks again is heard.
    assert_eq!(store.asked_before("k", &[1; 32]).await.unwrap(), None);
}

/// A file lies on the volume, and so outlives the process.
#[tokio::test]
async fn after_a_crash_a_file_on_a_volume_is_sent_again() {
    let mut fixture = Fixture::sqlite().await;
    ask(&fixture.store, patient(document("A")), at(0)).await;
    next(&fixture.store, at(1)).await.unwrap();
    fixture.reopen().await;
    fixture.store.recover(at(2)).await.unwrap();
    let claimed = next(&fixture.store, at(2)).await.unwrap();
    assert!(claimed.dispatch.unwrap().file_key.is_some());
}

pub(super) async fn files_are_named_until_their_messages_end(fixture: Fixture) {
    let store = &fixture.store;
    let named = async || store.files_to_send().await.unwrap();
    let ids = |ids: &[&str]| -> HashSet<String> { ids.iter().map(ToString::to_string).collect() };
    ask(store, document("A"), at(0)).await;
    ask(store, words("B"), at(0)).await;
    ask(store, patient(document("C")), at(0)).await;
    assert_eq!(named().await, ids(&["cmd-A", "cmd-C"]));
    next(store, at(1)).await.unwrap();
    assert_eq!(named().await, ids(&["cmd-A", "cmd-C"]));
    store.send_done("cmd-A", sent("A"), at(1)).await.unwrap();
    assert_eq!(named().await, ids(&["cmd-C"]));
    let error = failure("chat_busy", true);
    store.withdraw_send("cmd-C", error, at(1)).await.unwrap();
    assert!(named().await.is_empty());
}

pub(super) async fn what_ended_goes_after_a_week_and_nothing_else(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["sent", "failed", "running", "queued"] {
        let send = under(id, to(&format!("{id}@g.us"), patient(words(id))));
        ask(store, send, at(0)).await;
    }
    for id in ["sent", "failed", "running"] {
        assert_eq!(next(store, at(0)).await.unwrap().id, format!("cmd-{id}"));
    }
    store.send_done("cmd-sent", sent("A"), at(0)).await.unwrap();
    let error = failure("gateway_refused", false);
    store.send_failed("cmd-failed", error, at(1)).await.unwrap();
    let left = async |now| {
        store.prune(at(now), RETENTION).await.unwrap();
        let mut left = Vec::new();
        for id in ["sent", "failed", "running", "queued"] {
            if store
                .send_progress(&format!("cmd-{id}"))
                .await
                .unwrap()
                .is_some()
            {
                left.push(id);
            }
        }
        left
    };
    let all = ["sent", "failed", "running", "queued"];
    assert_eq!(left(7 * DAY - 1).await, all);
    assert_eq!(left(7 * DAY).await, all[1..]);
    assert_eq!(left(7 * DAY + 1).await, all[2..]);
    assert_eq!(left(700 * DAY).await, all[2..]);
    // A key is free again with its row.
    assert_eq!(store.asked_before("sent", &[1; 32]).await.unwrap(), None);
}
