//! The deliverer against a real store and real sockets.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::webhook::scene::{LOOPBACK, Scene};
use crate::webhook::sink::{Seen, Sink, status_only};
use crate::webhook::{Secret, sign};

#[tokio::test]
async fn a_failed_delivery_is_repeated_under_its_id_and_signed_anew() {
    let sink = Sink::statuses(&[500, 503, 200]).await;
    let secret = Secret::parse(b"topsecret").unwrap();
    let endpoint = Endpoint {
        secret: Some(secret.clone()),
        ..sink.endpoint()
    };
    let scene = Scene::start(vec![endpoint], LOOPBACK).await;
    scene.accept(&[("1@s.whatsapp.net", "A")]).await;
    scene.wait_until_empty().await;

    let seen = sink.wait_for(3).await;
    let ids = seen
        .iter()
        .map(|s| s.headers["webhook-id"].to_str().unwrap());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), 1);
    for request in &seen {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let (id, stamp) = (
            &request.headers["webhook-id"],
            &request.headers["webhook-timestamp"],
        );
        assert_eq!(body["id"].as_str(), id.to_str().ok());
        let stamp = stamp.to_str().unwrap().parse().unwrap();
        for (name, value) in &sign(Some(&secret), id.to_str().unwrap(), stamp, &request.body) {
            assert_eq!(&request.headers[name], value, "{name}");
        }
    }
    assert_eq!((scene.tally.failed(), scene.tally.delivered()), (2, 1));
    scene.stop().await;
    assert_eq!(sink.count(), 3);
}

/// The first delivery of chat 1 is held in the receiver until chat 2 is through, then fails once.
#[tokio::test]
async fn a_chat_keeps_its_order_while_another_flows() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let failed = Arc::new(AtomicBool::new(false));
    let sink = Sink::start(move |seen, _| {
        let (gate, failed) = (Arc::clone(&gate), Arc::clone(&failed));
        Box::pin(async move {
            if seen.message() != "A1" || failed.swap(true, Ordering::SeqCst) {
                return status_only(200);
            }
            gate.acquire().await.unwrap().forget();
            status_only(500)
        })
    })
    .await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    let (one, two) = ("1@s.whatsapp.net", "2@s.whatsapp.net");
    scene
        .accept(&[
            (one, "A1"),
            (one, "A2"),
            (two, "B1"),
            (two, "B2"),
            (two, "B3"),
        ])
        .await;
    sink.wait_for(4).await;
    opened.add_permits(1);
    scene.wait_until_empty().await;

    let seen = sink.wait_for(6).await;
    let order = |chat: char| {
        let ids = seen.iter().map(Seen::message);
        ids.filter(|id| id.starts_with(chat)).collect::<Vec<_>>()
    };
    assert_eq!(order('A'), ["A1", "A1", "A2"]);
    assert_eq!(order('B'), ["B1", "B2", "B3"]);
    scene.stop().await;
}

#[tokio::test]
async fn gone_disables_the_endpoint_until_its_configuration_changes() {
    let sink = Sink::statuses(&[410, 200]).await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    let chat = "1@s.whatsapp.net";
    scene.accept(&[(chat, "A"), (chat, "B"), (chat, "C")]).await;
    scene.wait_until(|depths| depths.deliveries_dead == 3).await;
    assert_eq!(sink.count(), 1);

    scene.config.send_replace(Arc::new(vec![sink.endpoint()]));
    scene.accept(&[(chat, "D")]).await;
    assert_eq!(sink.wait_for(2).await[1].message(), "D");
    scene.stop().await;
}

#[tokio::test]
async fn retry_after_puts_the_next_attempt_off_but_not_beyond_the_cap() {
    let sink = Sink::start(|_, _| {
        Box::pin(async {
            let mut answer = status_only(503);
            let asked = "86400".parse().unwrap();
            answer.headers_mut().insert("retry-after", asked);
            answer
        })
    })
    .await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    let before = clock::now();
    scene.accept(&[("1@s.whatsapp.net", "A")]).await;
    sink.wait_for(1).await;
    let due = loop {
        match scene.store.next_delivery_due().await.unwrap() {
            Some(due) if due > before + Duration::from_mins(1) => break due,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let (least, most) = (Duration::from_mins(10), Duration::from_mins(11));
    assert!(due >= before + least && due <= before + most, "{due}");
    assert_eq!(sink.count(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_hanging_endpoint_takes_nothing_from_another() {
    let hanging = Sink::start(|_, _| Box::pin(pending())).await;
    let healthy = Sink::statuses(&[200]).await;
    let slow = Endpoint {
        timeout: Duration::from_mins(5),
        ..hanging.endpoint()
    };
    let scene = Scene::start(vec![slow, healthy.endpoint()], LOOPBACK).await;
    let chats = (0..80)
        .map(|n| format!("{n}@s.whatsapp.net"))
        .collect::<Vec<_>>();
    let messages = chats
        .iter()
        .map(|chat| (chat.as_str(), "A"))
        .collect::<Vec<_>>();
    scene.accept(&messages).await;
    healthy.wait_for(80).await;
    assert_eq!(hanging.wait_for(IN_FLIGHT).await.len(), IN_FLIGHT);
    // What hangs would be waited for: this end is the abrupt one.
    scene.running.abort();
}

#[tokio::test]
async fn a_refused_address_is_tried_as_often_as_any_other_and_then_given_up() {
    let sink = Sink::statuses(&[200]).await;
    let scene = Scene::start(vec![sink.endpoint()], &[]).await;
    scene.accept(&[("1@s.whatsapp.net", "A")]).await;
    scene.wait_until(|depths| depths.deliveries_dead == 1).await;
    assert_eq!((scene.tally.failed(), scene.tally.dead()), (4, 1));
    assert_eq!(sink.count(), 0);
    scene.stop().await;
}

#[tokio::test]
async fn shutdown_finishes_what_is_in_flight() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let sink = Sink::start(move |_, _| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            status_only(200)
        })
    })
    .await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    let chat = "1@s.whatsapp.net";
    scene.accept(&[(chat, "A"), (chat, "B")]).await;
    sink.wait_for(1).await;
    scene.shutdown.cancel();
    opened.add_permits(9);
    let store = scene.store.clone();
    scene.stop().await;
    assert_eq!(sink.count(), 1);
    assert_eq!(store.depths().await.unwrap().deliveries_pending, 1);
}

#[tokio::test]
async fn deliveries_to_a_removed_endpoint_are_given_up() {
    let sink = Sink::statuses(&[500]).await;
    let mut endpoint = sink.endpoint();
    endpoint.retries.delay = Duration::from_mins(10);
    let scene = Scene::start(vec![endpoint], LOOPBACK).await;
    scene.accept(&[("1@s.whatsapp.net", "A")]).await;
    scene.wait_until(|_| scene.tally.failed() == 1).await;
    scene.config.send_replace(Arc::default());
    scene.wait_until(|depths| depths.deliveries_dead == 1).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_withheld_endpoint_waits_and_counts_no_attempt() {
    let sink = Sink::statuses(&[200]).await;
    let withheld = Some("SecretNotFound: acme-hmac".to_owned());
    let endpoint = Endpoint {
        withheld,
        ..sink.endpoint()
    };
    let scene = Scene::start(vec![endpoint], LOOPBACK).await;
    scene.accept(&[("1@s.whatsapp.net", "A")]).await;
    let pending = scene.store.depths().await.unwrap().deliveries_pending;
    assert_eq!((pending, sink.count()), (1, 0));
    scene.config.send_replace(Arc::new(vec![sink.endpoint()]));
    scene.wait_until_empty().await;
    assert_eq!((scene.tally.delivered(), scene.tally.failed()), (1, 0));
    scene.stop().await;
}
