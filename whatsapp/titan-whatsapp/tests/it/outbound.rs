//! Messages out, and what the sidecar needs beside them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
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
