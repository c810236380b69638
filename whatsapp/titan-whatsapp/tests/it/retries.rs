//! Files asked for again: the phone answers when it likes, or never.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use titan_relay::{Ended, MediaRetry};

use crate::stage::{OTHER, PHONE, Stage, id, text};

fn retry(message: &str) -> Value {
    json!({
        "id": message,
        "chat": format!("{OTHER}@s.whatsapp.net"),
        "fromMe": false,
        "mediaKey": BASE64_STANDARD.encode([7; 32]),
    })
}

#[tokio::test]
async fn the_phones_answer_to_a_media_retry_is_an_event() {
    let stage = Stage::linked().await;
    let (there, gone) = (id(), id());
    for (message, direct_path) in [(&there, Some("/v/new?ccb=2".to_owned())), (&gone, None)] {
        let (status, answer) = stage.program.post("/media-retry", &retry(message)).await;
        assert_eq!(status, 202, "{answer}");
        stage.relay.answer(MediaRetry {
            id: message.clone(),
            media_key: vec![7; 32],
            direct_path,
        });
    }
    let event = stage.sidecar.event(|event| event["id"] == there).await;
    assert_eq!(
        event,
        json!({"type": "mediaRetry", "id": there, "chat": format!("{OTHER}@s.whatsapp.net"),
            "fromMe": false, "result": "success", "directPath": "/v/new?ccb=2"})
    );
    let event = stage.sidecar.event(|event| event["id"] == gone).await;
    assert_eq!(event["result"], "notFound");
}

#[tokio::test]
async fn an_answer_after_a_restart_is_handed_on_sealed() {
    let stage = Stage::linked().await;
    let message = id();
    let (status, _) = stage.program.post("/media-retry", &retry(&message)).await;
    assert_eq!(status, 202);
    stage.relay.asked(&message).await;
    let stage = stage.restart().await;
    let direct_path = Some("/v/new?ccb=2".to_owned());
    stage.relay.answer(MediaRetry {
        id: message.clone(),
        media_key: vec![7; 32],
        direct_path,
    });

    let event = stage.sidecar.event(|event| event["id"] == message).await;
    assert_eq!(event["result"], "sealed");
    let iv = BASE64_STANDARD
        .decode(event["iv"].as_str().unwrap())
        .unwrap();
    assert_eq!(iv.len(), 12);
    assert_ne!(event["ciphertext"], "");
}

#[tokio::test]
async fn an_answer_may_come_over_another_connection_than_the_question() {
    let stage = Stage::linked().await;
    let message = id();
    let (status, _) = stage.program.post("/media-retry", &retry(&message)).await;
    assert_eq!(status, 202);
    stage.relay.asked(&message).await;
    stage.relay.end(PHONE, Ended::Dropped);
    stage.relay.gone(PHONE).await;
    stage.relay.answer(success(&message, 7));

    let event = stage.sidecar.event(|event| event["id"] == message).await;
    assert_eq!(event["directPath"], "/v/new?ccb=2");
}

#[tokio::test]
async fn a_phone_that_never_answers_holds_nothing_up_and_can_be_asked_again() {
    let (stage, peer) = Stage::with_peer().await;
    let (silent, answered, message) = (id(), id(), id());
    for file in [&silent, &answered, &silent] {
        let (status, answer) = stage.program.post("/media-retry", &retry(file)).await;
        assert_eq!(status, 202, "{answer}");
    }
    stage.relay.answer(success(&answered, 7));
    stage.sidecar.event(|event| event["id"] == answered).await;
    peer.send(PHONE, &message, text("hello")).await.unwrap();
    stage.sidecar.took(1).await;
    assert!(stage.relay.was_asked(&silent));
}

#[tokio::test]
async fn answers_for_one_id_in_two_chats_are_told_apart() {
    let stage = Stage::linked().await;
    let message = id();
    let mut other = retry(&message);
    other["chat"] = json!("120363000000000009@g.us");
    other["participant"] = json!(format!("{OTHER}@s.whatsapp.net"));
    other["mediaKey"] = json!(BASE64_STANDARD.encode([8; 32]));
    for question in [retry(&message), other] {
        let (status, _) = stage.program.post("/media-retry", &question).await;
        assert_eq!(status, 202);
    }
    // The server knows of the last question only.
    stage
        .relay
        .asked_about(&message, "120363000000000009@g.us")
        .await;
    stage.relay.answer(success(&message, 8));
    let event = stage.sidecar.event(|event| event["id"] == message).await;
    assert_eq!(event["chat"], "120363000000000009@g.us");
    assert_eq!(event["participant"], format!("{OTHER}@s.whatsapp.net"));
    assert_eq!(event["result"], "success");
}

#[tokio::test]
async fn an_answer_is_acknowledged_once_the_sidecar_has_it_and_survives_a_kill() {
    let stage = Stage::linked().await;
    let message = id();
    let (status, _) = stage.program.post("/media-retry", &retry(&message)).await;
    assert_eq!(status, 202);
    stage.relay.asked(&message).await;
    stage.sidecar.deaf(true);
    stage.relay.answer(success(&message, 7));
    stage.sidecar.refused("mediaRetry").await;
    assert_eq!(stage.relay.unacknowledged(PHONE, "notification"), 1);

    let stage = stage.restart().await;
    stage.sidecar.deaf(false);
    let event = stage.sidecar.event(|event| event["id"] == message).await;
    assert_eq!(event["result"], "sealed");
    stage.relay.acknowledged(PHONE, "notification").await;
}

#[tokio::test]
async fn a_receipt_is_acknowledged_once_the_sidecar_has_it_and_survives_a_kill() {
    let (stage, peer) = Stage::with_peer().await;
    stage.sidecar.deaf(true);
    let message = id();
    let request = json!({
        "id": message,
        "chat": format!("{OTHER}@s.whatsapp.net"),
        "message": BASE64_STANDARD.encode(waproto::codec::message_to_vec(&text("hello"))),
    });
    let (status, answer) = stage.program.post("/send", &request).await;
    assert_eq!(status, 200, "{answer}");
    peer.next().await.unwrap();
    // The receipt comes before the answer to a question that is asked after it.
    stage.relay.unacknowledged_at_last(PHONE, "receipt").await;
    let (status, _) = stage.program.get("/media-conn?fresh=true").await;
    assert_eq!(status, 200);
    assert_ne!(stage.relay.unacknowledged(PHONE, "receipt"), 0);

    let stage = stage.restart().await;
    stage.sidecar.deaf(false);
    let told = |event: &Value| event["type"] == "receipt" && event["ids"] == json!([message]);
    let event = stage.sidecar.event(told).await;
    assert_eq!(event["kind"], "delivered");
    stage.relay.acknowledged(PHONE, "receipt").await;
}

fn success(message: &str, key: u8) -> MediaRetry {
    MediaRetry {
        id: message.to_owned(),
        media_key: vec![key; 32],
        direct_path: Some("/v/new?ccb=2".to_owned()),
    }
}

#[tokio::test]
async fn the_program_ends_when_told_whatever_is_held_back() {
    let stage = Stage::linked().await;
    let message = id();
    let (status, _) = stage.program.post("/media-retry", &retry(&message)).await;
    assert_eq!(status, 202);
    stage.relay.asked(&message).await;
    stage.sidecar.deaf(true);
    stage.relay.answer(success(&message, 7));
    stage.sidecar.refused("mediaRetry").await;
    assert!(stage.program.terminate().await.success());
    assert_eq!(stage.relay.unacknowledged(PHONE, "notification"), 1);
}
