//! Messages of groups, both ways.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use waproto::codec::message_to_vec;

use crate::stage::{OTHER, PHONE, Stage, content, id, text};

const GROUP: &str = "120363000000000001";

#[tokio::test]
async fn a_message_to_a_group_reaches_the_sidecar() {
    let (stage, peer) = Stage::with_peer().await;
    stage.relay.group(GROUP, &[PHONE, OTHER]);
    for words in ["first", "second"] {
        peer.send_to_group(GROUP, &id(), text(words)).await.unwrap();
    }
    let taken = stage.sidecar.took(2).await;
    assert_eq!(taken[0]["chat"], format!("{GROUP}@g.us"));
    assert_eq!(taken[0]["sender"], format!("{OTHER}:1@s.whatsapp.net"));
    assert_eq!(taken[0]["isGroup"], true);
    assert_eq!(content(&taken[0]).conversation.as_deref(), Some("first"));
    assert_eq!(content(&taken[1]).conversation.as_deref(), Some("second"));
    stage.relay.waits(PHONE, 0).await;
}

#[tokio::test]
async fn a_message_is_sent_to_a_group() {
    let (stage, peer) = Stage::with_peer().await;
    stage.relay.group(GROUP, &[PHONE, OTHER]);
    let message = id();
    let request = json!({
        "id": message,
        "chat": format!("{GROUP}@g.us"),
        "message": BASE64_STANDARD.encode(message_to_vec(&text("hello"))),
    });
    let (status, answer) = stage.program.post("/send", &request).await;
    assert_eq!(status, 200, "{answer}");
    let (received, content) = peer.next().await.unwrap();
    assert_eq!(
        (received, content.conversation.as_deref()),
        (message, Some("hello"))
    );
}
