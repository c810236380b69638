//! Pruning, and a volume that is small or full.

use std::time::Duration;

use super::fixture::{Fixture, at, image, in_chat, text};
use super::sends::{claim_all, patient, sent, to, words};
use crate::message::MediaId;
use crate::store::{NewMessage, NewSend, Pruned, StoreError, StoreLimits, sql};

const DAY: u64 = 24 * 3600;
const RETENTION: Duration = Duration::from_secs(90 * DAY);

async fn small(volume_bytes: u64) -> Fixture {
    let volume_bytes = Some(volume_bytes);
    Fixture::with(None, StoreLimits { volume_bytes }).await
}

/// Bytes on disk: database and log.
fn size(fixture: &Fixture) -> u64 {
    let path = fixture.path();
    let log = path.with_file_name("titan.db-wal");
    let length = |path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(path) + length(log)
}

fn large(id: &str) -> NewMessage {
    let (_, number) = id.split_once('-').unwrap();
    let mut message = in_chat(text(id), &format!("{number}@s.whatsapp.net"));
    message.facts = serde_json::json!({"id": id, "body": "x".repeat(1500)});
    message
}

pub(super) async fn delivered_events_go_after_a_week_and_records_after_retention(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![image("A"), text("B")], at(0)).await;
    fixture.store_next(at(1)).await;
    fixture.drain(at(1)).await;
    let week = 7 * DAY;
    let prune = async |now| store.prune(at(now), RETENTION).await.unwrap();
    assert_eq!(prune(week).await, Pruned::default());
    let events = Pruned {
        events: 2,
        records: 0,
    };
    assert_eq!(prune(week + 2).await, events);
    let again = fixture.accept(vec![image("A")], at(week + 3)).await;
    assert!(!again[0].new, "the record is still there");
    let records = Pruned {
        events: 0,
        records: 2,
    };
    assert_eq!(prune(90 * DAY + 1).await, records);
    let media = store.media(&MediaId("media-A".into())).await.unwrap();
    assert!(media.is_none());
}

pub(super) async fn what_is_pending_outlives_its_retention(fixture: Fixture) {
    let store = &fixture.store;
    let mut waiting = image("W");
    waiting.endpoints.clear();
    waiting.hold_until = None;
    let batch = vec![in_chat(waiting, "w@g.us"), text("D"), text("P")];
    fixture.accept(batch, at(0)).await;
    let dead = fixture.claim(at(0)).await;
    store.dead_letter(dead[0].id, "410", at(0)).await.unwrap();
    let pruned = store.prune(at(91 * DAY), RETENTION).await.unwrap();
    assert_eq!(pruned.records, 1, "the dead letter's");
    assert_eq!(fixture.drain(at(91 * DAY)).await, ["message.received P"]);
    let media = store.media(&MediaId("media-W".into())).await.unwrap();
    assert!(media.is_some());
}

#[tokio::test]
async fn a_small_volume_under_constant_traffic_never_fills() {
    const VOLUME: u64 = 4 << 20;
    let fixture = small(VOLUME).await;
    // One endpoint is away: its chat's events are never delivered, and never lost.
    let mut kept = Vec::new();
    for round in 0..300 {
        let mut batch: Vec<NewMessage> = (0..20)
            .map(|number| large(&format!("{round}-{number}")))
            .collect();
        if round % 20 == 0 {
            let mut away = in_chat(text(&format!("away-{round}")), "away@g.us");
            away.endpoints = vec!["away".into()];
            kept.push(format!("message.received away-{round}"));
            batch.push(away);
        }
        fixture.accept(batch, at(round)).await;
        loop {
            let store = &fixture.store;
            let claimed = store.claim_deliveries_of("app", at(round), 32).await;
            let claimed = claimed.unwrap();
            if claimed.is_empty() {
                break;
            }
            let done = claimed.iter().map(|one| store.delivered(one.id, at(round)));
            for result in futures_util::future::join_all(done).await {
                result.unwrap();
            }
        }
        assert!(size(&fixture) < VOLUME, "round {round}: {}", size(&fixture));
    }
    assert_eq!(fixture.drain(at(301)).await, kept);
}

#[tokio::test]
async fn a_full_store_refuses_new_messages_and_still_delivers_the_old_ones() {
    let fixture = small(2 << 20).await;
    let mut taken = 0;
    let refused = loop {
        let batch = (0..10).map(|n| large(&format!("{taken}-{n}"))).collect();
        match fixture.store.accept(batch, at(0)).await {
            Ok(accepted) => taken += accepted.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    assert!(size(&fixture) < 2 << 20, "{}", size(&fixture));
    fixture.store.check_writable().await.unwrap();
    assert_eq!(fixture.drain(at(1)).await.len(), taken, "nothing half-done");
    let after = fixture.store.accept(vec![large("after-0")], at(2)).await;
    assert!(after.unwrap()[0].new, "delivered events made room");
}

#[tokio::test]
async fn a_full_store_takes_no_message_to_send_and_still_ends_the_old_ones() {
    let fixture = small(2 << 20).await;
    let store = &fixture.store;
    let mut taken = 0;
    let refused = loop {
        let send = to(&format!("{taken}@g.us"), patient(words(&"x".repeat(900))));
        let id = format!("cmd-{taken}");
        match store.ask_to_send(NewSend { id, ..send }, at(0)).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    let ids = claim_all(store, at(1)).await;
    assert_eq!(ids.len(), taken, "nothing half-done");
    for id in ids {
        store.send_done(&id, sent("A"), at(1)).await.unwrap();
    }
    assert_eq!(fixture.drain(at(2)).await.len(), taken);
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_half_done() {
    let fixture = Fixture::sqlite().await;
    fixture.accept(vec![text("before")], at(0)).await;
    let limit = async |pages: i64| {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        let store = &fixture.store;
        let set = store.write(move |tx| {
            Box::pin(async move {
                sql::built(pragma).execute(&mut tx.conn).await?;
                Ok(())
            })
        });
        set.await.unwrap();
    };
    // Less than there are: the file can't grow by a page.
    limit(1).await;
    let batch: Vec<NewMessage> = (0..100).map(|n| large(&format!("disk-{n}"))).collect();
    let many = batch
        .chunks(10)
        .map(|part| fixture.store.accept(part.to_vec(), at(0)));
    for refused in futures_util::future::join_all(many).await {
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    }
    limit(1 << 20).await;
    assert_eq!(fixture.drain(at(1)).await, ["message.received before"]);
    let accepted = fixture.accept(batch, at(2)).await;
    assert!(accepted.iter().all(|one| one.new));
}

#[tokio::test]
async fn the_file_shrinks_when_much_of_it_is_free() {
    let fixture = small(64 << 20).await;
    for round in 0..20 {
        let batch = (0..100).map(|n| large(&format!("{round}-{n}"))).collect();
        fixture.accept(batch, at(0)).await;
    }
    fixture.drain(at(0)).await;
    fixture.store.close(at(0)).await.unwrap();
    let before = std::fs::metadata(fixture.path()).unwrap().len();
    let mut fixture = fixture;
    fixture.reopen().await;
    for _ in 0..5 {
        let now = at(100 * DAY);
        fixture.store.prune(now, RETENTION).await.unwrap();
    }
    fixture.store.close(at(0)).await.unwrap();
    let after = std::fs::metadata(fixture.path()).unwrap().len();
    assert!(after < before / 2, "{before} → {after}");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let fixture = Fixture::sqlite().await;
    fixture.accept(vec![text("A")], at(0)).await;
    fixture.store.close(at(0)).await.unwrap();
    let refused = fixture.store.accept(vec![text("B")], at(0)).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}
