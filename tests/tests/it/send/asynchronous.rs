//! `Prefer: respond-async`: what was answered 202 is sent, in its order, and told once.

use serde_json::json;
use titan_tests::gateway::{Answer, Dialect, Posted};
use titan_tests::stage::HOOK_KEY;

use super::harness::{
    CHAT, all_is_told, file, holds_file, of_format, result_of, results, send_async, spool_is_empty,
    text, up, with,
};

fn unavailable() -> Answer {
    Answer::Status(503, json!({"message": "try later"}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_told_once_by_a_signed_event() {
    for dialect in Dialect::ALL {
        let (stage, gateway) = up(dialect).await;
        gateway.answer([Answer::Sent("3EB0C767D1826A0F1B2C".to_owned())]);
        let bytes = of_format("jpeg", 70_000);
        let id = send_async(&stage, &file("image", &bytes)).await;
        assert!(id.starts_with("cmd-"), "{id}");
        let told = result_of(&stage, &id).await;
        assert!(told.signed_by(HOOK_KEY.as_bytes()));
        let payload = &told.json["payload"];
        assert_eq!(payload["success"], true, "{payload}");
        assert_eq!(payload["chatId"], CHAT);
        assert_eq!(payload["result"]["id"], "3EB0C767D1826A0F1B2C");
        assert_eq!(payload["result"]["status"], "sent");
        assert!(payload["result"]["timestamp"].is_string(), "{payload}");
        all_is_told(&stage).await;
        assert_eq!(results(&stage, &id).len(), 1);
        let posted = gateway.posted();
        assert_eq!(posted.len(), 1);
        assert!(holds_file(&posted[0].json, &bytes), "{dialect:?}");
        spool_is_empty(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_passing_is_tried_again_and_its_chat_waits() {
    let (stage, gateway) = up(Dialect::Waha).await;
    gateway.answer([unavailable(), Answer::HangUp]);
    let first = send_async(&stage, &text("first")).await;
    let bytes = of_format("png", 5000);
    let second = with(file("image", &bytes), "caption", "second");
    let second = send_async(&stage, &second).await;
    let told = result_of(&stage, &second).await;
    assert_eq!(told.json["payload"]["success"], true);
    let told = result_of(&stage, &first).await;
    assert_eq!(told.json["payload"]["success"], true);
    assert_eq!(told.json["payload"]["result"]["id"], "3EB00000000000000003");
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    assert_eq!(words, ["first", "first", "first", "second"]);
    // The id was made beforehand: each try is the same message.
    let ids = posted[..3].iter().map(|posted| &posted.json["id"]);
    assert!(
        ids.clone()
            .all(|id| id.is_string() && *id == posted[0].json["id"])
    );
    assert!(holds_file(&posted[3].json, &bytes));
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_refusal_is_told_and_not_tried_again() {
    let (stage, gateway) = up(Dialect::Wuzapi).await;
    let refusal = json!({"code": 400, "error": "could not parse Phone", "success": false});
    gateway.answer([Answer::Status(400, refusal)]);
    let refused = with(file("file", b"a text"), "filename", "a.txt");
    let refused = send_async(&stage, &refused).await;
    let behind = send_async(&stage, &text("behind it")).await;
    let told = result_of(&stage, &refused).await;
    assert!(told.signed_by(HOOK_KEY.as_bytes()));
    let payload = &told.json["payload"];
    assert_eq!(payload["success"], false, "{payload}");
    assert_eq!(payload["result"]["code"], "gateway_refused");
    assert_eq!(payload["result"]["retryable"], false);
    let says = payload["result"]["message"].as_str().unwrap();
    assert!(says.contains("could not parse Phone"), "{says}");
    let told = result_of(&stage, &behind).await;
    assert_eq!(told.json["payload"]["success"], true);
    all_is_told(&stage).await;
    assert_eq!(results(&stage, &refused).len(), 1);
    assert_eq!(gateway.posted().len(), 2);
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_202_survives_kill_9() {
    let (mut stage, gateway) = up(Dialect::Evolution).await;
    gateway.answer([Answer::Held]);
    let first = send_async(&stage, &text("first")).await;
    gateway.reached(1).await;
    let bytes = of_format("pdf", 200_001);
    let second = with(file("file", &bytes), "filename", "second.pdf");
    let second = send_async(&stage, &second).await;
    stage.sidecar.kill();
    gateway.let_go();
    stage.sidecar.start().await;
    for id in [&first, &second] {
        let told = result_of(&stage, id).await;
        assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    }
    // At least once: the first may have been sent before.
    let posted = gateway.posted();
    assert_eq!(posted.len(), 3);
    assert_eq!((posted[0].words(), posted[1].words()), ("first", "first"));
    assert!(posted[2].faults.is_empty(), "{:?}", posted[2].faults);
    assert!(holds_file(&posted[2].json, &bytes));
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_its_way_survives_kill_9() {
    let (mut stage, gateway) = up(Dialect::Wuzapi).await;
    gateway.answer([Answer::Held]);
    let bytes = of_format("mp4", 300_000);
    let id = send_async(&stage, &file("video", &bytes)).await;
    gateway.reached(1).await;
    stage.sidecar.kill();
    gateway.let_go();
    stage.sidecar.start().await;
    let told = result_of(&stage, &id).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    all_is_told(&stage).await;
    assert_eq!(results(&stage, &id).len(), 1);
    let posted = gateway.posted();
    assert_eq!(posted.len(), 2);
    assert!(posted.iter().all(|posted| holds_file(&posted.json, &bytes)));
    assert_eq!(posted[0].json["Id"], posted[1].json["Id"]);
    spool_is_empty(&stage).await;
}
