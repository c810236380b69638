//! Events that wait for a file, from the store to the receiver.

use serde_json::Value;

use super::*;
use crate::media::{MediaKey, MediaKind, MediaType};
use crate::message::{MediaId, MediaReference};
use crate::store::{MediaError, NewMedia, Stored};
use crate::webhook::scene::{LOOPBACK, Scene, message};
use crate::webhook::sink::Sink;

const CHAT: &str = "1@s.whatsapp.net";

fn media_id() -> MediaId {
    MediaId("0a".repeat(16))
}

fn image() -> MediaReference {
    MediaReference {
        kind: MediaKind::Image,
        media_type: MediaType::Image,
        direct_path: Some("/v/t62.7118-24/1_n.enc?ccb=11-4".to_owned()),
        url: None,
        media_key: Some(MediaKey([7; 32])),
        sha256: Some([0xab; 32]),
        enc_sha256: Some([0xcd; 32]),
        file_length: Some(102_400),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: None,
        seconds: None,
        ptt: false,
        width: None,
        height: None,
        streaming_sidecar: None,
        thumbnail: None,
        jpeg_thumbnail: None,
        fault: None,
    }
}

/// Accepts an image whose event waits for it for `hold`.
async fn accept_image(scene: &Scene, hold: Duration) {
    let (ids, now) = (scene.endpoint_ids(), clock::now());
    let mut message = message(CHAT, "A", &ids, now);
    message.followups = ids;
    message.hold_until = now.checked_add(hold).ok();
    message.media = vec![NewMedia {
        id: media_id(),
        reference: image(),
        persist: true,
        expires_at: now.checked_add(Duration::from_hours(24)).unwrap(),
    }];
    scene.store.accept(vec![message], now).await.unwrap();
}

/// Puts the file into the bucket, as far as the store knows.
async fn store_file(scene: &Scene) {
    let (store, id, now) = (&scene.store, media_id(), clock::now());
    store.claim_transfer(now).await.unwrap().unwrap();
    store.fix_target(&id, "acme-media", "a.jpeg").await.unwrap();
    let stored = Stored {
        sha256: [0xab; 32],
        length: 102_400,
    };
    store.transfer_stored(&id, stored, now).await.unwrap();
}

async fn bodies(sink: &Sink, n: usize) -> Vec<Value> {
    let seen = sink.wait_for(n).await;
    seen.iter()
        .map(|seen| serde_json::from_slice(&seen.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_held_event_goes_with_its_file_and_every_attempt_has_a_fresh_url() {
    let sink = Sink::statuses(&[500, 200]).await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    accept_image(&scene, Duration::from_mins(1)).await;
    assert_eq!(scene.store.depths().await.unwrap().events_held, 1);
    store_file(&scene).await;

    let bodies = bodies(&sink, 2).await;
    assert_eq!(bodies[0]["id"], bodies[1]["id"]);
    assert_eq!(bodies[0]["timestamp"], bodies[1]["timestamp"]);
    let url = |n: usize| bodies[n]["payload"]["mediaUrl"].as_str().unwrap();
    assert_ne!(url(0), url(1));
    let payload = &bodies[1]["payload"];
    assert_eq!(payload["media"]["s3Url"], payload["mediaUrl"]);
    assert_eq!(payload["mediaId"], media_id().0);
    assert!(payload["mediaUrlExpiresAt"].is_string());
    scene.wait_until_empty().await;
    scene.stop().await;
}

#[tokio::test]
async fn after_the_deadline_the_file_follows_in_an_event_of_its_own() {
    let sink = Sink::statuses(&[200]).await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    accept_image(&scene, Duration::from_mins(1)).await;
    scene
        .store
        .release_overdue(clock::now(), true)
        .await
        .unwrap();
    let first = bodies(&sink, 1).await.remove(0);
    assert_eq!(first["event"], "message.received");
    assert_eq!(first["payload"].get("mediaUrl"), None);

    store_file(&scene).await;
    let second = bodies(&sink, 2).await.remove(1);
    assert_eq!(second["event"], "media.persisted");
    assert_ne!(first["id"], second["id"]);
    assert!(second["payload"]["mediaUrl"].is_string());
    assert_eq!(second["payload"]["media"]["persisted"], true);
    scene.stop().await;
}

#[tokio::test]
async fn a_file_that_failed_for_good_does_not_withhold_its_message() {
    let sink = Sink::statuses(&[200]).await;
    let scene = Scene::start(vec![sink.endpoint()], LOOPBACK).await;
    accept_image(&scene, Duration::from_mins(1)).await;
    let (id, now) = (media_id(), clock::now());
    scene.store.claim_transfer(now).await.unwrap().unwrap();
    let error = MediaError {
        code: "media_expired".to_owned(),
        message: "the CDN no longer has the file".to_owned(),
        retryable: false,
    };
    let failed = scene.store.transfer_failed(&id, error, now);
    failed.await.unwrap();
    let body = bodies(&sink, 1).await.remove(0);
    assert_eq!(body["event"], "message.received");
    assert_eq!(body["payload"]["mediaError"]["code"], "media_expired");
    assert_eq!(body["payload"].get("mediaUrl"), None);
    scene.stop().await;
}

/// The store keeps one list of endpoints for both ends of a file.
#[tokio::test]
async fn an_end_that_an_endpoint_did_not_ask_for_is_not_told() {
    let sink = Sink::statuses(&[200]).await;
    let mut endpoint = sink.endpoint();
    endpoint.events = vec!["message.received".to_owned(), "media.failed".to_owned()];
    let scene = Scene::start(vec![endpoint], LOOPBACK).await;
    accept_image(&scene, Duration::from_mins(1)).await;
    let now = clock::now();
    scene.store.release_overdue(now, true).await.unwrap();
    sink.wait_for(1).await;
    store_file(&scene).await;
    scene.wait_until_empty().await;
    assert_eq!(sink.count(), 1);
    assert_eq!(scene.tally.delivered(), 1);
    scene.stop().await;
}
