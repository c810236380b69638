//! `kill -9` at random points under load: whatever was answered 202 is there, every object is
//! right, every event arrives under one id, nothing stays in a queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::media::{Kind, Sealed};
use titan_tests::random::Random;
use titan_tests::sink::Answer;
use titan_tests::stage::{Plan, Stage};
use titan_tests::wait::{LATER, eventually, until};

/// How often the process is killed.
const KILLS: u64 = 50;

/// Requests in flight at once.
const SENDERS: u64 = 4;

/// What a sender was told about one message.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) chat: String,
    media: Option<(String, [u8; 32])>,
}

/// Posts messages, one in three with a file, until told to stop. A request without an answer is
/// posted again, as gateways do, until it is answered 202; each to the next of `apis`.
pub(super) async fn send(
    apis: Vec<Api>,
    files: Arc<Vec<(Sealed, String)>>,
    sender: u64,
    stop: Arc<AtomicBool>,
) -> Vec<Taken> {
    let mut taken = Vec::new();
    let mut random = Random::new(sender);
    for serial in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("3EB0KILL{sender}N{serial}");
        let file = (serial % 3 == 0)
            .then(|| &files[usize::try_from(random.within(0..files.len() as u64)).unwrap()]);
        let content = file.map_or_else(
            || baileys::text("load"),
            |(sealed, path)| baileys::file(sealed, path),
        );
        let chat = format!("55116000000{sender}{}@s.whatsapp.net", serial % 5);
        let body = baileys::upsert(&[baileys::message_in(&chat, &id, content)]);
        let Some(data) = posted(&apis, &body, &stop).await else {
            break;
        };
        let media = data["media"][0]["mediaId"].as_str().map(str::to_owned);
        assert_eq!(media.is_some(), file.is_some(), "{data}");
        taken.push(Taken {
            id,
            chat,
            media: media.zip(file.map(|(sealed, _)| sealed.sha256)),
        });
    }
    taken
}

/// The `data` of a 202, or `None` when stopped before there was one.
async fn posted(apis: &[Api], body: &Value, stop: &AtomicBool) -> Option<Value> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let bytes = serde_json::to_vec(body).unwrap();
    let headers = [("content-type", "application/json")];
    loop {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        match apis[turn % apis.len()]
            .try_call("POST", &Stage::path("inbound"), &headers, &bytes)
            .await
        {
            Ok(reply) if reply.status == 202 => return Some(reply.data()),
            Ok(reply) if reply.status == 503 => {}
            Ok(reply) => panic!("{}: {}", reply.status, reply.json()),
            Err(_) => {}
        }
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What messages carry: from within one fetch to many.
pub(super) fn files(stage: &Stage, random: &mut Random) -> Arc<Vec<(Sealed, String)>> {
    let put = |length| {
        let sealed = Sealed::random(Kind::Image, length, random);
        let path = stage.cdn.put(&sealed.blob);
        (sealed, path)
    };
    Arc::new([700, 40_000, 300_000, 1_500_000].map(put).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_over_fifty_kills() {
    let mut stage = Plan::usual()
        .await
        .spec("autoPersist.holdWebhook", "5s")
        .up()
        .await;
    let mut random = Random::for_run("kill", 20_250_115);
    let files = files(&stage, &mut random);
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            tokio::spawn(send(
                vec![stage.api.clone()],
                files.clone(),
                sender,
                stop.clone(),
            ))
        })
        .collect();
    for kill in 0..KILLS {
        // Anywhere from the first instructions after the start to well into the load.
        let pause = Duration::from_millis(random.within(0..400));
        // Some deliveries fail, so that retries are under way too.
        stage
            .sink
            .answer([Answer::Status(500), Answer::Late(Duration::from_millis(30))]);
        tokio::time::sleep(pause).await;
        stage.sidecar.kill();
        if kill % 7 == 3 {
            // Killed while it starts.
            stage.sidecar.spawn();
            tokio::time::sleep(Duration::from_millis(random.within(0..60))).await;
            stage.sidecar.kill();
        }
        stage.sidecar.start().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut taken = Vec::new();
    for sender in senders {
        taken.extend(sender.await.unwrap());
    }
    assert!(
        taken.len() > 200,
        "only {} messages were taken",
        taken.len()
    );
    println!("{} messages taken over {KILLS} kills", taken.len());
    nothing_is_left(&stage).await;
    every_record_is_there(&stage, &taken).await;
    every_event_came_under_one_id(&stage, &taken);
    let status = stage.status().await;
    let queue = &status["sessions"][0]["queue"];
    assert_eq!(
        (&queue["failed"], &queue["deliveries_dead"]),
        (&json!(0), &json!(0)),
        "{status}"
    );
}

pub(super) async fn nothing_is_left(stage: &Stage) {
    until(LATER * 3, "nothing is left in a queue", || async {
        let status = stage.status().await;
        let queue = &status["sessions"][0]["queue"];
        [
            "queued",
            "running",
            "waiting",
            "events_held",
            "deliveries_pending",
        ]
        .iter()
        .all(|name| queue[*name] == 0)
    })
    .await;
}

pub(super) async fn every_record_is_there(stage: &Stage, taken: &[Taken]) {
    let objects = stage.bucket.objects();
    for (media, sha256) in taken.iter().filter_map(|one| one.media.as_ref()) {
        let info = stage.info(media).await;
        assert_eq!(info["status"], "stored", "{info}");
        assert!(stage.object(&info).sha256 == *sha256, "{info}");
    }
    let right: BTreeSet<_> = taken
        .iter()
        .filter_map(|one| one.media.as_ref())
        .map(|(_, hash)| *hash)
        .collect();
    assert!(
        objects
            .values()
            .all(|object| right.contains(&object.sha256)),
        "a wrong object"
    );
}

/// One id per event and message over all attempts, each accepted at least once.
pub(super) fn every_event_came_under_one_id(stage: &Stage, taken: &[Taken]) {
    let mut ids: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut accepted = BTreeSet::new();
    for delivery in stage.sink.deliveries() {
        let key = (
            delivery.message_id().to_owned(),
            delivery.event().to_owned(),
        );
        ids.entry(key.clone())
            .or_default()
            .insert(delivery.id().to_owned());
        if delivery.accepted() {
            accepted.insert(key);
        }
    }
    for (key, ids) in &ids {
        assert_eq!(ids.len(), 1, "{key:?} came under {ids:?}");
    }
    for one in taken {
        let key = (one.id.clone(), "message.received".to_owned());
        assert!(
            accepted.contains(&key),
            "{} was taken and never announced",
            one.id
        );
    }
    // Each event has an id of its own.
    let all: BTreeSet<_> = ids.values().flatten().collect();
    assert_eq!(all.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn persist_that_a_kill_interrupts_is_done_after_the_start() {
    let mut stage = Stage::up().await;
    let (sealed, path) = stage.file(Kind::Video, 5_000_000);
    stage
        .cdn
        .fail(&path, [titan_tests::cdn::Fault::Stall(2_000_000)]);
    let media = stage
        .take("3EB0KILLED", baileys::file(&sealed, &path))
        .await;
    until(LATER, "the PUT is under way", || async {
        stage
            .bucket
            .uploads()
            .iter()
            .any(|upload| upload.received > 0)
    })
    .await;
    stage.sidecar.kill();
    stage.sidecar.start().await;
    let info = eventually(LATER, "it is stored", || async {
        Some(stage.info(&media).await).filter(|info| info["status"] == "stored")
    })
    .await;
    assert!(stage.object(&info).sha256 == sealed.sha256);
    assert_eq!(stage.bucket.objects().len(), 1);
}
