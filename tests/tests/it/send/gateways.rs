//! Every kind of message through every gateway, and what its answers become.

use serde_json::{Value, json};
use titan_tests::gateway::Dialect;

use super::harness::{CHAT, file, holds_file, of_format, send, text, up};

/// Each type with a file of it.
fn messages() -> Vec<(Value, Vec<u8>)> {
    let with = |mut message: Value, more: Value| {
        let members = more.as_object().unwrap().clone();
        message.as_object_mut().unwrap().extend(members);
        message
    };
    [
        ("image", "jpeg", json!({"caption": "as \"promised\" 🙂"})),
        ("image", "png", json!({})),
        ("video", "mp4", json!({"caption": "moving"})),
        ("voice", "ogg", json!({})),
        ("voice", "mp3", json!({"ptt": false})),
        (
            "file",
            "pdf",
            json!({"filename": "Vertrag „neu“.pdf", "caption": "sign here"}),
        ),
        ("sticker", "webp", json!({})),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (type_, format, more))| {
        // Around the borders of base64 and of a spool's chunks.
        let bytes = of_format(format, 65_530 + index);
        (with(file(type_, &bytes), more), bytes)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_of_message_is_what_each_gateway_publishes() {
    for dialect in Dialect::ALL {
        let (stage, gateway) = up(dialect).await;
        let sent = send(&stage, &text("*hello* https://acme.example"))
            .await
            .expect(200)
            .data();
        assert_eq!(sent["status"], "sent");
        assert_eq!(sent["id"], "3EB00000000000000001");
        assert_eq!(sent["fromPhoneNumber"], "+4915112345678");
        let mut wanted = Vec::new();
        for (message, bytes) in messages() {
            let reply = send(&stage, &message).await;
            if dialect == Dialect::Waha && message["ptt"] == false {
                reply.refused(400, "unsupported");
                assert_eq!(reply.json()["pointer"], "/ptt");
                continue;
            }
            let posted = gateway.posted();
            let last = posted.last().unwrap();
            assert!(last.faults.is_empty(), "{dialect:?}: {:?}", last.faults);
            reply.expect(200);
            assert!(
                holds_file(&last.json, &bytes),
                "{dialect:?} {}",
                message["type"]
            );
            wanted.push(bytes);
        }
        let posted = gateway.posted();
        assert_eq!(posted.len(), 1 + wanted.len());
        assert!(
            posted[0].json.to_string().contains("*hello*"),
            "{:?}",
            posted[0].json
        );
        assert!(posted[0].faults.is_empty(), "{:?}", posted[0].faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_names_no_gateway_to_send_through_says_so() {
    let stage = titan_tests::stage::Stage::up().await;
    let refused = send(&stage, &text("x")).await;
    refused.refused(409, "sending_not_configured");
    let body = json!({"session": "default", "chatId": CHAT, "type": "text", "text": "x"});
    let refused = stage.api.post_json("/api/messages/send", &body).await;
    refused.refused(409, "sending_not_configured");
}
