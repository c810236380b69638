//! The queue of messages to send.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::fixture::{CHAT, ENDPOINT, Fixture, at};
use crate::send::{Attachment, Content, Outgoing, OutgoingKind, spool::SpoolKey};
use crate::store::{Asked, ClaimedSend, NewSend, Progress, SealKey, SendError, Sent, Store, sql};

pub(super) const OTHER_CHAT: &str = "120363000000000000@g.us";

/// A text that somebody waits for.
pub(super) fn words(id: &str) -> NewSend {
    NewSend {
        id: format!("cmd-{id}"),
        idempotency_key: None,
        fingerprint: [1; 32],
        message_id: format!("3EB0{id}"),
        message: Outgoing {
            chat: CHAT.into(),
            content: Content::Text {
                text: format!("the words of {id}"),
                link_preview: Some(false),
            },
            quoted: None,
            mentions: vec!["4915100000000@s.whatsapp.net".into()],
            forwarded: false,
        },
        file_key: None,
        patient: false,
        endpoints: Vec::new(),
    }
}

/// The same as a file.
pub(super) fn document(id: &str) -> NewSend {
    let mut send = words(id);
    send.message.content = Content::File(Attachment {
        kind: OutgoingKind::Document,
        mime: "application/pdf".into(),
        length: 1234,
        file_name: Some("a.pdf".into()),
        caption: None,
    });
    send.file_key = Some(SpoolKey::new([0xCD; 32]));
    send
}

/// The same, to hear of by an event.
pub(super) fn patient(send: NewSend) -> NewSend {
    NewSend {
        patient: true,
        endpoints: vec![ENDPOINT.into()],
        ..send
    }
}

/// The same in another chat.
pub(super) fn to(chat: &str, mut send: NewSend) -> NewSend {
    send.message.chat = chat.into();
    send
}

/// The same under the caller's key.
pub(super) fn under(key: &str, send: NewSend) -> NewSend {
    NewSend {
        idempotency_key: Some(key.into()),
        ..send
    }
}

pub(super) fn sent(id: &str) -> Sent {
    Sent {
        id: format!("3EB0{id}"),
        timestamp: at(7),
        media_id: None,
    }
}

pub(super) fn failure(code: &str, retryable: bool) -> SendError {
    SendError {
        code: code.into(),
        message: "of the test".into(),
        retryable,
    }
}

pub(super) async fn ask(store: &Store, send: NewSend, now: Timestamp) {
    let asked = store.ask_to_send(send, now).await.unwrap();
    assert_eq!(asked, Asked::Queued);
}

pub(super) async fn next(store: &Store, now: Timestamp) -> Option<ClaimedSend> {
    store.claim_send(now).await.unwrap()
}

/// Claims all that may go, and answers the ids.
pub(super) async fn claim_all(store: &Store, now: Timestamp) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(claimed) = next(store, now).await {
        ids.push(claimed.id);
    }
    ids
}

pub(super) async fn progress(store: &Store, id: &str) -> Progress {
    store.send_progress(id).await.unwrap().unwrap()
}

pub(super) async fn code(store: &Store, id: &str) -> String {
    match progress(store, id).await {
        Progress::Failed(error) => error.code,
        other => panic!("{other:?}"),
    }
}

/// Runs a statement without parameters.
async fn run(store: &Store, text: &'static str) {
    let done = store.write(move |tx| {
        Box::pin(async move {
            sql::query(text).execute(&mut tx.conn).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

pub(super) async fn a_message_is_claimed_whole_and_once(fixture: Fixture) {
    let store = &fixture.store;
    let asked = patient(document("A"));
    ask(store, asked.clone(), at(0)).await;
    assert_eq!(progress(store, "cmd-A").await, Progress::Open);
    let claimed = next(store, at(1)).await.unwrap();
    assert_eq!((claimed.id.as_str(), claimed.patient), ("cmd-A", true));
    assert_eq!((claimed.attempts, claimed.created_at), (0, at(0)));
    let dispatch = claimed.dispatch.unwrap();
    assert_eq!(dispatch.id, "cmd-A");
    assert_eq!(dispatch.message_id, asked.message_id);
    assert_eq!(dispatch.message, asked.message);
    assert_eq!(dispatch.file_key.unwrap().bytes(), &[0xCD; 32]);
    assert!(next(store, at(1)).await.is_none());
    assert_eq!(progress(store, "cmd-A").await, Progress::Open);
    store.send_done("cmd-A", sent("A"), at(2)).await.unwrap();
    let ended = Progress::Sent {
        chat: CHAT.into(),
        sent: sent("A"),
    };
    assert_eq!(progress(store, "cmd-A").await, ended);
    assert_eq!(store.send_progress("cmd-none").await.unwrap(), None);
}

pub(super) async fn a_missing_store_key_is_its_own_messages_trouble(fixture: Fixture) {
    let store = &fixture.store;
    let (old, new) = ([1; 32], [2; 32]);
    store.set_seal(Some(SealKey::new(old, [])));
    ask(store, document("A"), at(0)).await;
    ask(store, words("B"), at(0)).await;
    for (second, seal) in [(1, None), (2, Some(SealKey::new(new, [])))] {
        store.set_seal(seal);
        let claimed = next(store, at(second)).await.unwrap();
        let error = claimed.dispatch.unwrap_err();
        assert_eq!(error.code, "store_key_missing");
        assert!(error.retryable, "the key may come back");
        store.send_waiting("cmd-A", at(second + 1)).await.unwrap();
    }
    store.set_seal(Some(SealKey::new(new, [old])));
    let claimed = next(store, at(3)).await.unwrap();
    let key = claimed.dispatch.unwrap().file_key.unwrap();
    assert_eq!((key.bytes(), claimed.attempts), (&[0xCD; 32], 2));
    store.set_seal(None);
    let error = failure("store_key_missing", true);
    store.send_failed("cmd-A", error, at(4)).await.unwrap();
    let claimed = next(store, at(4)).await.unwrap();
    assert!(claimed.id == "cmd-B" && claimed.dispatch.is_ok());
}

pub(super) async fn the_key_of_a_file_to_send_is_sealed_anew(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, document("open"), at(0)).await;
    let (old, new) = ([1; 32], [2; 32]);
    store.set_seal(Some(SealKey::new(old, [])));
    ask(store, to(OTHER_CHAT, document("sealed")), at(0)).await;
    store.set_seal(Some(SealKey::new(new, [old])));
    assert_eq!(store.reseal().await.unwrap(), 2);
    assert_eq!(store.reseal().await.unwrap(), 0);
    store.set_seal(Some(SealKey::new(new, [])));
    for _ in 0..2 {
        let claimed = next(store, at(1)).await.unwrap();
        let key = claimed.dispatch.unwrap().file_key.unwrap();
        assert_eq!(key.bytes(), &[0xCD; 32]);
    }
}

/// Written by a newer release, say.
pub(super) async fn a_message_that_cannot_be_read_does_not_stop_the_queue(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, words("A"), at(0)).await;
    ask(store, to(OTHER_CHAT, document("B")), at(0)).await;
    run(store, "UPDATE sends SET message = '{}' WHERE id = 'cmd-A'").await;
    let claimed = next(store, at(1)).await.unwrap();
    let error = claimed.dispatch.unwrap_err();
    assert_eq!(
        (claimed.id.as_str(), error.code.as_str()),
        ("cmd-A", "internal")
    );
    assert!(!error.retryable);
    assert_eq!(claim_all(store, at(1)).await, ["cmd-B"]);
}

pub(super) async fn messages_of_one_chat_go_in_order(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["A", "B", "C"] {
        ask(store, words(id), at(0)).await;
    }
    ask(store, to(OTHER_CHAT, words("D")), at(1)).await;
    assert_eq!(claim_all(store, at(2)).await, ["cmd-A", "cmd-D"]);
    // What can't be claimed is not due either.
    assert_eq!(store.next_send_due().await.unwrap(), None);
    store.send_done("cmd-D", sent("D"), at(3)).await.unwrap();
    assert!(next(store, at(3)).await.is_none());
    store.send_done("cmd-A", sent("A"), at(3)).await.unwrap();
    assert_eq!(store.next_send_due().await.unwrap(), Some(at(3)));
    assert_eq!(claim_all(store, at(3)).await, ["cmd-B"]);
    let error = failure("gateway_refused", false);
    store.send_failed("cmd-B", error, at(4)).await.unwrap();
    assert_eq!(claim_all(store, at(4)).await, ["cmd-C"]);
}

pub(super) async fn a_message_that_waits_holds_back_its_chat_and_no_other(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, patient(words("A")), at(0)).await;
    ask(store, words("B"), at(0)).await;
    next(store, at(1)).await.unwrap();
    store.send_waiting("cmd-A", at(60)).await.unwrap();
    ask(store, to(OTHER_CHAT, words("C")), at(2)).await;
    assert_eq!(claim_all(store, at(59)).await, ["cmd-C"]);
    assert_eq!(store.next_send_due().await.unwrap(), Some(at(60)));
    let again = next(store, at(60)).await.unwrap();
    assert_eq!((again.id.as_str(), again.attempts), ("cmd-A", 1));
    store.send_done("cmd-A", sent("A"), at(61)).await.unwrap();
    assert_eq!(claim_all(store, at(61)).await, ["cmd-B"]);
}

pub(super) async fn a_repeat_finds_the_first_whatever_became_of_it(fixture: Fixture) {
    let store = &fixture.store;
    let refused = failure("gateway_refused", false);
    let repeat = async |id: &str, send: NewSend, patient: bool| {
        let before = Asked::Before {
            id: id.into(),
            patient,
        };
        let key = send.idempotency_key.clone().unwrap();
        let found = store.asked_before(&key, &send.fingerprint).await.unwrap();
        assert_eq!(found.as_ref(), Some(&before));
        assert_eq!(
            store.ask_to_send(send.clone(), at(9)).await.unwrap(),
            before
        );
        let other = NewSend {
            fingerprint: [9; 32],
            ..send
        };
        let found = store.asked_before(&key, &other.fingerprint).await.unwrap();
        assert_eq!(found, Some(Asked::OtherMessage));
        let asked = store.ask_to_send(other, at(9)).await.unwrap();
        assert_eq!(asked, Asked::OtherMessage);
    };
    assert_eq!(store.asked_before("k", &[1; 32]).await.unwrap(), None);
    let again = || under("k", words("again"));
    ask(store, under("k", words("A")), at(0)).await;
    repeat("cmd-A", again(), false).await;
    next(store, at(1)).await.unwrap();
    repeat("cmd-A", again(), false).await;
    store.send_done("cmd-A", sent("A"), at(2)).await.unwrap();
    repeat("cmd-A", again(), false).await;
    // Failed for good; and what it is to the first, it is to the repeat.
    ask(store, under("k2", patient(words("B"))), at(0)).await;
    next(store, at(3)).await.unwrap();
    store.send_failed("cmd-B", refused, at(3)).await.unwrap();
    repeat("cmd-B", under("k2", words("again")), true).await;
    // Calls without a key are each their own.
    ask(store, words("C"), at(4)).await;
    ask(store, words("D"), at(4)).await;
}

pub(super) async fn what_failed_for_now_is_made_anew_under_its_whatsapp_id(fixture: Fixture) {
    let store = &fixture.store;
    ask(store, under("k", words("A")), at(0)).await;
    next(store, at(1)).await.unwrap();
    let away = failure("gateway_unavailable", true);
    store.send_failed("cmd-A", away, at(1)).await.unwrap();
    let other = store.asked_before("k", &[9; 32]).await.unwrap();
    assert_eq!(other, Some(Asked::OtherMessage));
    assert_eq!(store.asked_before("k", &[1; 32]).await.unwrap(), None);
    ask(store, under("k", patient(words("B"))), at(2)).await;
    assert_eq!(store.send_progress("cmd-A").await.unwrap(), None);
    let claimed = next(store, at(2)).await.unwrap();
    assert_eq!((claimed.id.as_str(), claimed.attempts), ("cmd-B", 0));
    assert!(claimed.patient);
    assert_eq!(claimed.dispatch.unwrap().message_id, "3EB0A");
}

pub(super) async fn two_calls_at_once_under_one_key_are_one(fixture: Fixture) {
    let store = &fixture.store;
    let calls = (0..8).map(|n| store.ask_to_send(under("k", words(&n.to_string())), at(0)));
    let asked: Vec<Asked> = join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let queued = asked.iter().filter(|asked| **asked == Asked::Queued);
    assert_eq!(queued.count(), 1, "{asked:?}");
    let claimed = claim_all(store, at(1)).await;
    assert_eq!(claimed.len(), 1);
    let before = Asked::Before {
        id: claimed[0].clone(),
        patient: false,
    };
    assert_eq!(asked.iter().filter(|asked| **asked == before).count(), 7);
}

pub(super) async fn what_is_queued_is_taken_back_and_what_runs_is_not(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["A", "B", "C"] {
        ask(store, words(id), at(0)).await;
    }
    let busy = || failure("chat_busy", true);
    let withdraw = async |id: &str| store.withdraw_send(id, busy(), at(2)).await.unwrap();
    assert_eq!(claim_all(store, at(1)).await, ["cmd-A"]);
    assert!(!withdraw("cmd-A").await, "on its way");
    assert!(withdraw("cmd-B").await);
    assert!(!withdraw("cmd-B").await, "it has ended");
    assert!(!withdraw("cmd-none").await);
    assert_eq!(code(store, "cmd-B").await, "chat_busy");
    assert!(next(store, at(2)).await.is_none(), "A is still on its way");
    store.send_waiting("cmd-A", at(99)).await.unwrap();
    assert!(withdraw("cmd-A").await, "it waits");
    assert_eq!(claim_all(store, at(3)).await, ["cmd-C"]);
}

pub(super) async fn callers_are_woken_when_a_message_may_go(fixture: Fixture) {
    let store = &fixture.store;
    let woken = async || {
        let notified = store.sends_changed().notified();
        tokio::time::timeout(Duration::from_mins(1), notified)
            .await
            .expect("woken");
    };
    ask(store, words("A"), at(0)).await;
    woken().await;
    ask(store, words("B"), at(0)).await;
    woken().await;
    next(store, at(1)).await.unwrap();
    store.send_waiting("cmd-A", at(2)).await.unwrap();
    woken().await;
    next(store, at(2)).await.unwrap();
    store.send_done("cmd-A", sent("A"), at(2)).await.unwrap();
    woken().await;
}
