//! `kill -9` at random points under load: whatever was answered 202 is sent, in its order, its file
//! equal, and told under one id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::gateway::{Answer, Dialect, Posted};
use titan_tests::random::Random;
use titan_tests::stage::Stage;

use super::harness::{
    all_is_told, file, holds_file, of_format, result_of, results, spool_is_empty, up, with,
};

/// How often the process is killed.
const KILLS: u64 = 12;

/// Chats that are written to at once.
const CHATS: u64 = 3;

fn chat(number: u64) -> String {
    format!("491510000000{number}@s.whatsapp.net")
}

/// Posts messages to one chat until told to stop, each until it is answered 202; their correlation
/// ids.
async fn post(api: Api, number: u64, bytes: Arc<Vec<u8>>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut taken = Vec::new();
    for serial in 0.. {
        let words = format!("{number}-{serial}");
        let message = if serial % 3 == 0 {
            with(file("image", &bytes), "caption", words.clone())
        } else {
            json!({"type": "text", "text": words})
        };
        let message = with(message, "chatId", chat(number)).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("prefer", "respond-async"),
            ("idempotency-key", &words),
        ];
        let path = Stage::path("messages/send");
        loop {
            if stop.load(Ordering::Relaxed) {
                return taken;
            }
            match api.try_call("POST", &path, &headers, &message).await {
                Ok(reply) if reply.status == 202 => {
                    taken.push(reply.data()["correlationId"].as_str().unwrap().to_owned());
                    break;
                }
                Ok(reply) => panic!("{words}: {}: {}", reply.status, reply.json()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_202_is_lost_or_overtaken_over_kills() {
    let (mut stage, gateway) = up(Dialect::Evolution).await;
    let mut random = Random::for_run("send and kill", 20_250_115);
    let bytes = Arc::new(of_format("png", 150_000));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..CHATS)
        .map(|number| tokio::spawn(post(stage.api.clone(), number, bytes.clone(), stop.clone())))
        .collect();
    for _ in 0..KILLS {
        gateway.answer([Answer::HangUp]);
        // Anywhere from the first instructions after the start to well into the load.
        tokio::time::sleep(Duration::from_millis(random.within(0..500))).await;
        stage.sidecar.kill();
        stage.sidecar.start().await;
    }
    stop.store(true, Ordering::Relaxed);
    for (number, sender) in (0..CHATS).zip(senders) {
        let taken = sender.await.unwrap();
        assert!(!taken.is_empty(), "chat {number} took nothing");
        for id in &taken {
            let told = result_of(&stage, id).await;
            assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
        }
        println!("{} messages taken in chat {number}", taken.len());
        in_order(&gateway.posted(), number, taken.len(), &bytes);
        all_is_told(&stage).await;
        for id in &taken {
            let ids: BTreeSet<_> = results(&stage, id)
                .iter()
                .map(|told| told.id().to_owned())
                .collect();
            assert_eq!(ids.len(), 1, "{id} was told as {ids:?}");
        }
    }
    spool_is_empty(&stage).await;
}

/// Each message came at least once, none before an earlier one of its chat, each file whole.
fn in_order(posted: &[Posted], number: u64, taken: usize, bytes: &[u8]) {
    let (to, mut seen) = (chat(number), BTreeMap::<usize, &Value>::new());
    for one in posted.iter().filter(|one| to.starts_with(one.to())) {
        assert!(one.faults.is_empty(), "{:?}", one.faults);
        let serial: usize = one.words().split_once('-').unwrap().1.parse().unwrap();
        let last = seen.keys().last().copied();
        // The one before again, or the next.
        let next = last.map_or(0, |last| last + 1);
        assert!(
            serial == next || Some(serial) == last,
            "{serial} after {last:?}"
        );
        let has_file = holds_file(&one.json, bytes);
        assert_eq!(has_file, serial.is_multiple_of(3), "{serial}");
        seen.insert(serial, &one.json);
    }
    assert!(seen.len() >= taken, "{} of {taken} came", seen.len());
}
