//! The chats' history, which the phone offers once it has linked the device.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use titan_tests::cdn::Fault;
use titan_tests::media::{Kind, Sealed, digest};
use titan_tests::relay::{image, text};
use titan_tests::stage::Plan;
use titan_tests::wait::{LATER, until};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{HistorySyncNotification, HistorySyncType};

use super::{Linked, OTHER, PHONE};

/// When the messages of the history were sent.
const LONG_AGO: u64 = 1_700_000_000;

fn takes_history(plan: Plan) -> Plan {
    plan.spec("source", json!({"whatsapp": {"history": true}}))
}

/// A chunk: what the phone knows of one chat, compressed.
fn chunk(messages: Vec<(String, wa::Message)>) -> Vec<u8> {
    let messages = messages.into_iter().map(|(id, message)| {
        let message = wa::WebMessageInfo {
            key: MessageField::some(wa::MessageKey {
                remote_jid: Some(format!("{OTHER}@s.whatsapp.net")),
                from_me: Some(false),
                id: Some(id),
                ..wa::MessageKey::default()
            }),
            message: MessageField::some(message),
            message_timestamp: Some(LONG_AGO),
            push_name: Some("Somebody".to_owned()),
            ..wa::WebMessageInfo::default()
        };
        wa::HistorySyncMsg {
            message: MessageField::some(message),
            msg_order_id: None,
        }
    });
    let sync = wa::HistorySync {
        sync_type: wa::history_sync::HistorySyncType::RECENT,
        conversations: vec![wa::Conversation {
            id: format!("{OTHER}@s.whatsapp.net"),
            messages: messages.collect(),
            ..wa::Conversation::default()
        }],
        ..wa::HistorySync::default()
    };
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&sync.encode_to_vec()).unwrap();
    zlib.finish().unwrap()
}

/// A chunk on the CDN, and what the phone says of it.
fn on_the_cdn(linked: &Linked, chunk: Vec<u8>) -> (String, HistorySyncNotification) {
    let sealed = Sealed::history([9; 32], chunk);
    let path = linked.stage.cdn.put(&sealed.blob);
    let offer = HistorySyncNotification {
        sync_type: Some(HistorySyncType::RECENT),
        direct_path: Some(path.clone()),
        media_key: Some(sealed.key.to_vec()),
        file_sha256: Some(sealed.sha256.to_vec()),
        file_enc_sha256: Some(digest(&sealed.blob).to_vec()),
        file_length: Some(sealed.plain.len() as u64),
        ..HistorySyncNotification::default()
    };
    (path, offer)
}

fn inline(chunk: Vec<u8>) -> HistorySyncNotification {
    HistorySyncNotification {
        sync_type: Some(HistorySyncType::INITIAL_BOOTSTRAP),
        initial_hist_bootstrap_inline_payload: Some(chunk),
        ..HistorySyncNotification::default()
    }
}

/// Words that don't compress.
fn noise(serial: usize) -> wa::Message {
    let digests = (0..64).map(|part: usize| digest(format!("{serial} {part}").as_bytes()));
    text(&hex::encode(digests.flatten().collect::<Vec<u8>>()))
}

async fn told(linked: &Linked, id: &str) -> Value {
    let sink = &linked.stage.sink;
    let event = sink.wait_for("message.received", id, LATER).await;
    assert_eq!(sink.about(id).len(), 1, "{id} came once");
    event.json["payload"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_marked_and_its_image_lands_in_the_bucket() {
    let linked = Linked::with(takes_history).await.linked().await;
    let (sealed, path) = linked.stage.file(Kind::Image, 200_000);
    let messages = vec![
        ("3EB0OLDIMAGE".to_owned(), image(&sealed, &path)),
        ("3EB0OLDTEXT".to_owned(), text("long ago")),
    ];
    let (_, offer) = on_the_cdn(&linked, chunk(messages));
    linked.relay.offer_history(PHONE, "3EB0CHUNK", &offer).await;
    linked.relay.history_taken("3EB0CHUNK").await;
    let payload = told(&linked, "3EB0OLDIMAGE").await;
    assert_eq!(payload["history"], true);
    assert_eq!(payload["timestamp"], LONG_AGO);
    assert_eq!(payload["chatId"], format!("{OTHER}@s.whatsapp.net"));
    let object = linked.stage.object(&payload["media"]);
    assert!(object.sha256 == sealed.sha256, "the object is another file");
    assert_eq!(told(&linked, "3EB0OLDTEXT").await["text"], "long ago");

    // What comes live says nothing of it, and what is offered again is known.
    linked
        .relay
        .send(OTHER, PHONE, "3EB0LIVE", &text("now"))
        .await;
    assert_eq!(told(&linked, "3EB0LIVE").await.get("history"), None);
    let again = inline(chunk(vec![
        ("3EB0OLDTEXT".to_owned(), text("long ago")),
        ("3EB0BOOT".to_owned(), text("within")),
    ]));
    linked.relay.offer_history(PHONE, "3EB0AGAIN", &again).await;
    assert_eq!(told(&linked, "3EB0BOOT").await["history"], true);
    assert_eq!(linked.stage.sink.about("3EB0OLDTEXT").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_chunk_survives_kills_in_the_middle_and_comes_once() {
    let mut linked = Linked::with(takes_history).await.linked().await;
    // Above what is verified in memory, so that it is read twice.
    let ids: Vec<String> = (0..600)
        .map(|serial| format!("3EB0OLD{serial:03}"))
        .collect();
    let messages = ids.iter().enumerate();
    let messages = messages.map(|(serial, id)| (id.clone(), noise(serial)));
    let (path, offer) = on_the_cdn(&linked, chunk(messages.collect()));
    assert!(offer.file_length > Some(1 << 20), "{:?}", offer.file_length);
    linked.stage.cdn.fail(&path, [Fault::Stall(700_000)]);
    linked.relay.offer_history(PHONE, "3EB0CHUNK", &offer).await;
    linked.relay.history_taken("3EB0CHUNK").await;
    linked.stage.sidecar.kill();
    linked.stage.sidecar.start().await;
    // Killed once more when some of it is there.
    linked
        .stage
        .sink
        .wait_for("message.received", &ids[0], LATER)
        .await;
    linked.stage.sidecar.kill();
    linked.stage.sidecar.start().await;
    for id in &ids {
        let sink = &linked.stage.sink;
        sink.wait_for("message.received", id, LATER).await;
        let events: std::collections::BTreeSet<_> = sink
            .about(id)
            .iter()
            .map(|event| event.id().to_owned())
            .collect();
        assert_eq!(events.len(), 1, "{id} came as {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_is_refused_and_said_and_the_next_one_comes() {
    let linked = Linked::with(takes_history).await.linked().await;
    let messages = |id: &str| vec![(id.to_owned(), text("long ago"))];
    let (path, damaged) = on_the_cdn(&linked, chunk(messages("3EB0DAMAGED")));
    linked.stage.cdn.fail_always(&path, Fault::Flip(20));
    linked
        .relay
        .offer_history(PHONE, "3EB0BROKEN", &damaged)
        .await;
    let garbage = inline(b"no history".to_vec());
    linked
        .relay
        .offer_history(PHONE, "3EB0GARBAGE", &garbage)
        .await;
    let (_, sound) = on_the_cdn(&linked, chunk(messages("3EB0SOUND")));
    linked.relay.offer_history(PHONE, "3EB0CHUNK", &sound).await;
    assert_eq!(told(&linked, "3EB0SOUND").await["history"], true);
    let given_up = |chunk: &str| {
        let log = linked.stage.sidecar.log_text();
        log.lines()
            .any(|line| line.contains("history is given up") && line.contains(chunk))
    };
    until(LATER, "both are given up", || async {
        given_up("3EB0BROKEN") && given_up("3EB0GARBAGE")
    })
    .await;
    assert!(linked.stage.sink.about("3EB0DAMAGED").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_nobody_asked_for_is_not_taken() {
    let linked = Linked::new().await.linked().await;
    let messages = vec![("3EB0OLDTEXT".to_owned(), text("long ago"))];
    let (path, offer) = on_the_cdn(&linked, chunk(messages));
    linked.relay.offer_history(PHONE, "3EB0CHUNK", &offer).await;
    linked.relay.history_taken("3EB0CHUNK").await;
    linked
        .relay
        .send(OTHER, PHONE, "3EB0LIVE", &text("now"))
        .await;
    told(&linked, "3EB0LIVE").await;
    assert!(linked.stage.sink.about("3EB0OLDTEXT").is_empty());
    assert_eq!(linked.stage.cdn.hits(&path).len(), 0);
}
