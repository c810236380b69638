//! Files that have left the CDN, and the phone that is asked to upload them again.

use futures_util::future::join_all;
use serde_json::{Value, json};
use titan_tests::media::{Kind, Sealed};
use titan_tests::relay::image;
use titan_tests::stage::Stage;
use titan_tests::wait::{LATER, SOON, eventually, until};

use super::{Linked, OTHER, PHONE};

impl Linked {
    /// A session whose messages are told at once, and its files saved with one transfer at a time.
    async fn saving() -> Self {
        let linked = Self::with(|plan| {
            plan.spec("autoPersist", json!({"enabled": true, "holdWebhook": "0s"}))
                .spec("transfers.maxConcurrent", 1)
        });
        linked.await.linked().await
    }

    /// Somebody sends an image that the CDN has no more by then.
    async fn gone(&self, id: &str) -> (Sealed, String) {
        let (sealed, path) = self.stage.file(Kind::Image, 200_000);
        self.stage.cdn.remove(&path);
        let message = image(&sealed, &path);
        self.relay.send(OTHER, PHONE, id, &message).await;
        let told = self.says(id, "message.received").await;
        (sealed, told["mediaId"].as_str().unwrap().to_owned())
    }

    /// The phone uploads the file again.
    async fn brought(&self, id: &str, sealed: &Sealed) {
        let path = self.stage.cdn.put(&sealed.blob);
        self.relay.answer(id, sealed, Some(&path)).await;
    }

    async fn says(&self, id: &str, event: &str) -> Value {
        let told = self.stage.sink.wait_for(event, id, LATER).await;
        told.json["payload"].clone()
    }

    /// All `media.failed` of a message, whether each may still come.
    fn failures(&self, id: &str) -> Vec<bool> {
        let told = self.stage.sink.about(id).into_iter();
        told.filter(|told| told.event() == "media.failed")
            .map(|told| told.json["payload"]["retryable"].as_bool().unwrap())
            .collect()
    }

    /// How often phones were asked, or answered so, since the sidecar started.
    async fn counted(&self, outcome: &str) -> u64 {
        let metrics = self.stage.sidecar.admin().get("/metrics").await.expect(200);
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        let name = format!("titan_sidecar_media_retries_total{{outcome=\"{outcome}\"}} ");
        let mut lines = text.lines();
        lines
            .find_map(|line| line.strip_prefix(&name)?.parse().ok())
            .unwrap_or(0)
    }
}

fn stored_right(linked: &Linked, info: &Value, sealed: &Sealed) {
    let object = linked.stage.object(info);
    assert!(object.sha256 == sealed.sha256, "the object is another file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_left_the_cdn_is_asked_for_once_and_lands_in_the_bucket() {
    let linked = Linked::saving().await;
    let (sealed, media) = linked.gone("3EB0GONE").await;
    linked.relay.asked("3EB0GONE").await;
    let failed = linked.says("3EB0GONE", "media.failed").await;
    assert_eq!(failed["code"], "media_expired");
    assert_eq!(failed["retryable"], true);
    let info = linked.stage.info(&media).await;
    assert_eq!(info["status"], "waiting");
    assert_eq!(info["error"]["retryable"], true);

    // It holds no place meanwhile, of which there is one.
    let (other, path) = linked.stage.file(Kind::Image, 50_000);
    let message = image(&other, &path);
    linked.relay.send(OTHER, PHONE, "3EB0OTHER", &message).await;
    linked.says("3EB0OTHER", "media.persisted").await;

    linked.brought("3EB0GONE", &sealed).await;
    let persisted = linked.says("3EB0GONE", "media.persisted").await;
    assert_eq!(persisted["mediaId"], media.as_str());
    stored_right(&linked, &linked.stage.info(&media).await, &sealed);
    assert_eq!(linked.failures("3EB0GONE"), [true]);
    assert_eq!(linked.counted("asked").await, 1);
    assert_eq!(linked.counted("found").await, 1);
    for hit in linked.stage.cdn.all_hits() {
        assert!(!hit.query.contains("auth="), "{}", hit.query);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_after_a_restart_of_both_sides() {
    let mut linked = Linked::saving().await;
    let (sealed, media) = linked.gone("3EB0LATE").await;
    linked.says("3EB0LATE", "media.failed").await;
    // The program is the sidecar's child and ends with it.
    linked.stage.sidecar.kill();
    linked.stage.sidecar.start().await;
    linked.is("CONNECTED", None).await;
    linked.relay.listening(PHONE).await;
    linked.brought("3EB0LATE", &sealed).await;
    linked.says("3EB0LATE", "media.persisted").await;
    stored_right(&linked, &linked.stage.info(&media).await, &sealed);
    assert_eq!(linked.counted("asked").await, 0, "asked a second time");
    assert_eq!(linked.failures("3EB0LATE"), [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_phone_does_not_have_has_failed() {
    let linked = Linked::saving().await;
    let (sealed, media) = linked.gone("3EB0LOST").await;
    linked.says("3EB0LOST", "media.failed").await;
    linked.relay.answer("3EB0LOST", &sealed, None).await;
    until(SOON, "the failure is final", || async {
        linked.failures("3EB0LOST") == [true, false]
    })
    .await;
    let info = linked.stage.info(&media).await;
    assert_eq!(info["status"], "failed");
    assert_eq!(info["error"]["retryable"], false);
    let refused = linked.stage.download(&media).await;
    refused.refused(410, "media_expired");
    let refused = linked.stage.persist(&media).await;
    refused.refused(410, "media_expired");
    assert_eq!(linked.counted("asked").await, 1);

    // Who says so has it asked for anew.
    let retry = Stage::path(&format!("media/{media}/retry"));
    linked.stage.api.post(&retry).await.expect(202);
    linked.brought("3EB0LOST", &sealed).await;
    linked.says("3EB0LOST", "media.persisted").await;
    assert_eq!(linked.counted("asked").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_wait_for_the_phone_and_ask_it_once() {
    let linked = Linked::with(titan_tests::stage::Plan::on_demand).await;
    let linked = linked.linked().await;
    let (sealed, media) = linked.gone("3EB0READ").await;
    let calls = join_all((0..100).map(|_| linked.stage.download(&media)));
    let answered = async {
        linked.relay.asked("3EB0READ").await;
        linked.brought("3EB0READ", &sealed).await;
    };
    let (replies, ()) = tokio::join!(calls, answered);
    for reply in replies {
        assert!(reply.expect(200).body == sealed.plain);
    }
    assert_eq!(linked.counted("asked").await, 1);
    let info = linked.stage.info(&media).await;
    assert_eq!(info["status"], "received");
    assert!(linked.failures("3EB0READ").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_waits_half_a_minute_for_a_phone_that_is_off() {
    let linked = Linked::with(titan_tests::stage::Plan::on_demand).await;
    let linked = linked.linked().await;
    let (_, media) = linked.gone("3EB0OFF").await;
    let begun = std::time::Instant::now();
    let reply = linked.stage.download(&media).await;
    let waited = begun.elapsed().as_secs();
    reply.refused(503, "media_requested");
    assert!(reply.header("retry-after").is_some());
    assert!((29..45).contains(&waited), "{waited} s");
    let info = eventually(SOON, "a record", || async {
        Some(linked.stage.info(&media).await)
    });
    assert_eq!(info.await["status"], "received");
}
