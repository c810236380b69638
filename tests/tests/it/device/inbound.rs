//! Messages straight from WhatsApp.

use serde_json::json;
use titan_tests::media::Kind;
use titan_tests::relay::{image, text};
use titan_tests::wait::{LATER, until};

use super::{Linked, OTHER, PHONE};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_from_whatsapp_lands_in_the_bucket() {
    let linked = Linked::new().await.linked().await;
    let (sealed, path) = linked.stage.file(Kind::Image, 300_000);
    let message = image(&sealed, &path);
    linked.relay.send(OTHER, PHONE, "3EB0IMAGE", &message).await;

    let sink = &linked.stage.sink;
    let event = sink.wait_for("message.received", "3EB0IMAGE", LATER).await;
    let payload = &event.json["payload"];
    assert_eq!(payload["chatId"], format!("{OTHER}@s.whatsapp.net"));
    assert_eq!(payload["fromMe"], false);
    assert!(payload["mediaUrl"].is_string(), "{payload:#}");
    let object = linked.stage.object(&payload["media"]);
    assert!(object.sha256 == sealed.sha256, "the object is another file");
    until(LATER, "WhatsApp has nothing more to deliver", || async {
        linked.relay.phone(PHONE).await["waiting"] == json!([])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_session_is_down_waits_at_whatsapp() {
    let mut linked = Linked::new().await.linked().await;
    linked.stage.sidecar.kill();
    for serial in 0..5 {
        let id = format!("3EB0AWAY{serial}");
        linked.relay.send(OTHER, PHONE, &id, &text("away")).await;
    }
    linked.stage.sidecar.start().await;
    let sink = &linked.stage.sink;
    for serial in 0..5 {
        let id = format!("3EB0AWAY{serial}");
        let event = sink.wait_for("message.received", &id, LATER).await;
        assert_eq!(event.json["payload"]["text"], "away");
    }
}
