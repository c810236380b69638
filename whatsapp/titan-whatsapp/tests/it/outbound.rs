//! Messages out, and what the sidecar needs beside them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use titan_relay::MediaRetry;
use waproto::{codec::message_to_vec, whatsapp::Message};

use crate::stage::{OTHER, Stage, id, image, text};

fn request(id: &str, message: &Message) -> Value {
    json!({
        "id": id,
        "chat": format!("{OTHER}@s.whatsapp.net"),
        "message": BASE64_STANDARD.encode(message_to_vec(message)),
    })
}

#[tokio::test]
async fn a_sent_message_is_decrypted_by_the_other_device_under_its_id() {
    let (stage, peer) = Stage::with_peer().await;
    let (first, second) = (id(), id());
    let (status, answer) = stage
        .program
        .post("/send", &request(&first, &text("hello")))
        .await;
    assert_eq!(
        (status.as_u16(), &answer["id"]),
        (200, &json!(first)),
        "{answer}"
    );
    assert!(answer["timestamp"].is_i64(), "{answer}");
    let (status, _) = stage
        .program
        .post("/send", &request(&second, &image()))
        .await;
    assert_eq!(status, 200);

    let (received, message) = peer.next().await.unwrap();
    assert_eq!(
        (received, message.conversation.as_deref()),
        (first.clone(), Some("hello"))
    );
    let (received, message) = peer.next().await.unwrap();
    assert_eq!(received, second);
    assert_eq!(
        message
            .image_message
            .as_option()
            .unwrap()
            .media_key
            .as_deref(),
        Some([7; 32].as_slice())
    );

    let ack = stage
        .sidecar
        .event(|event| event["type"] == "ack" && event["id"] == first)
        .await;
    assert_eq!(ack.get("error"), None);
    let receipt = |event: &Value| event["type"] == "receipt" && event["ids"] == json!([first]);
    let receipt = stage.sidecar.event(receipt).await;
    assert_eq!(
        (&receipt["kind"], &receipt["sender"]),
        (
            &json!("delivered"),
            &json!(format!("{OTHER}:1@s.whatsapp.net"))
        )
    );
}

#[tokio::test]
async fn what_is_not_a_message_is_refused() {
    let stage = Stage::linked().await;
    let good = request("3EB01", &text("hello"));
    for (field, wrong) in [
        ("id", json!("")),
        ("id", json!("a b")),
        ("chat", json!("")),
        ("message", json!("%")),
        ("chat", json!(7)),
    ] {
        let mut request = good.clone();
        request[field] = wrong;
        let (status, answer) = stage.program.post("/send", &request).await;
        assert!(status.is_client_error(), "{field}: {status} {answer}");
        assert_eq!(answer["code"], "invalid_request");
    }
}

#[tokio::test]
async fn media_hosts_and_their_token_are_told() {
    let stage = Stage::linked().await;
    let (status, answer) = stage.program.get("/media-conn").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["auth"], "relay-auth");
    assert_eq!(
        answer["hosts"][0],
        json!({"hostname": "mmg.whatsapp.net", "type": "primary", "fallback": null})
    );
    assert_eq!(answer["hosts"][1]["type"], "fallback");
}

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
        json!({"type": "mediaRetry", "id": there, "result": "success", "directPath": "/v/new?ccb=2"})
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
