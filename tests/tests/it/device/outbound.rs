//! What is sent through our API, as another WhatsApp client gets it.

use serde_json::json;
use titan_tests::device::UploadCdn;
use titan_tests::relay::{direct_path, opened};
use titan_tests::stage::Stage;
use titan_tests::wait::{LATER, eventually};

use super::super::send::harness::{file, of_format, send};
use super::{Linked, OTHER, PHONE};

fn to_other(message: serde_json::Value) -> serde_json::Value {
    let mut message = message;
    message["chatId"] = json!(format!("{OTHER}@s.whatsapp.net"));
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_arrives_at_another_client_with_its_file() {
    let cdn = UploadCdn::start().await;
    let origin = cdn.url();
    let linked = Linked::with(|mut plan| {
        let fake = plan.cdn.url();
        for argument in &mut plan.launch.args {
            if *argument == fake {
                origin.clone_into(argument);
            }
        }
        plan
    });
    let linked = linked.await.linked().await;
    let words = json!({"type": "text", "text": "hello from our API"});
    let sent = send(&linked.stage, &to_other(words))
        .await
        .expect(200)
        .data();
    let (id, message) = linked.relay.next(OTHER).await;
    assert_eq!(sent["id"], id.as_str());
    assert_eq!(message.conversation.as_deref(), Some("hello from our API"));

    let bytes = of_format("jpeg", 150_000);
    let picture = to_other(file("image", &bytes));
    let sent = send(&linked.stage, &picture).await.expect(200).data();
    let (id, message) = linked.relay.next(OTHER).await;
    assert_eq!(sent["id"], id.as_str());
    let blob = cdn.blob(direct_path(&message));
    assert!(opened(&message, &blob) == bytes, "another file arrived");
    assert!(sent["mediaId"].is_string(), "{sent}");

    // And what the other client says of it comes as an event.
    let acknowledged = eventually(LATER, "the message is delivered", || async {
        let mut all = linked.stage.sink.deliveries().into_iter();
        all.find(|told| {
            told.event() == "message.ack"
                && told.json["payload"]["id"] == id.as_str()
                && told.json["payload"]["status"] == "delivered"
        })
    });
    let payload = &acknowledged.await.json["payload"];
    assert_eq!(payload["chatId"], format!("{OTHER}@s.whatsapp.net"));
    let stopped = linked.stage.api.post(&Stage::path("stop")).await;
    stopped.expect(200);
    let refused = send(
        &linked.stage,
        &to_other(json!({"type": "text", "text": "x"})),
    )
    .await;
    refused.refused(503, "device_not_connected");
    assert_eq!(linked.relay.phone(PHONE).await["linked"], true);
}
