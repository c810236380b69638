//! `Idempotency-Key`: the same call made twice is one message.

use futures_util::future::join_all;
use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::gateway::{Answer, Dialect};
use titan_tests::stage::Stage;

use super::files::Files;
use super::harness::{
    ASYNC, all_is_told, file, holds_file, link, of_format, result_of, results, send_with,
    spool_is_empty, text, up, with,
};

async fn send_under(stage: &Stage, key: &str, message: &Value) -> Reply {
    send_with(stage, &[("idempotency-key", key)], message).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_with_the_first_result_and_is_not_sent() {
    let (mut stage, gateway) = up(Dialect::Evolution).await;
    let bytes = of_format("jpeg", 50_000);
    for (key, message) in [("a", text("hello")), ("b", file("image", &bytes))] {
        let first = send_under(&stage, key, &message).await.expect(200).data();
        for _ in 0..3 {
            let again = send_under(&stage, key, &message).await.expect(200).data();
            assert_eq!(again, first);
        }
    }
    assert_eq!(gateway.posted().len(), 2);
    // Also after a restart, and as a data URL: what it says is the same.
    stage.sidecar.kill();
    stage.sidecar.start().await;
    let mut same = file("image", &bytes);
    let encoded = same["base64"].as_str().unwrap();
    same["base64"] = format!("data:image/jpeg;base64,{encoded}").into();
    send_under(&stage, "b", &same).await.expect(200);
    assert_eq!(gateway.posted().len(), 2);
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_under_one_key_are_one_message() {
    let (stage, gateway) = up(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let message = file("image", &of_format("png", 100_000));
    let calls = join_all((0..8).map(|_| send_under(&stage, "at once", &message)));
    let release = async {
        gateway.reached(1).await;
        gateway.let_go();
    };
    let (replies, ()) = tokio::join!(calls, release);
    let mut sent = replies.into_iter().map(|reply| reply.expect(200).data());
    let first = sent.next().unwrap();
    assert!(sent.all(|other| other == first));
    assert_eq!(gateway.posted().len(), 1);
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_message_under_a_used_key_is_refused() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let message = with(file("image", &of_format("png", 3000)), "caption", "a");
    send_under(&stage, "k", &message).await.expect(200);
    let other_chat = with(message.clone(), "chatId", "4915187654321@s.whatsapp.net");
    for other in [
        text("hello"),
        other_chat,
        with(message.clone(), "caption", "b"),
        with(file("image", &of_format("png", 3001)), "caption", "a"),
        with(link("image", "https://acme.example/x.png"), "caption", "a"),
    ] {
        let reply = send_under(&stage, "k", &other).await;
        reply.refused(422, "idempotency_key_reused");
    }
    assert_eq!(gateway.posted().len(), 1);
    spool_is_empty(&stage).await;
    send_under(&stage, "k", &message).await.expect(200);
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_that_may_pass_the_same_key_tries_again() {
    let (stage, gateway) = up(Dialect::Wuzapi).await;
    let bytes = of_format("ogg", 40_000);
    let message = file("voice", &bytes);
    let away = json!({"code": 500, "error": "no session", "success": false});
    gateway.answer([Answer::Status(500, away), Answer::HangUp]);
    let reply = send_under(&stage, "k", &message).await;
    reply.refused(503, "gateway_not_connected");
    let reply = send_under(&stage, "k", &message).await;
    reply.refused(502, "gateway_unavailable");
    send_under(&stage, "k", &message).await.expect(200);
    send_under(&stage, "k", &message).await.expect(200);
    let posted = gateway.posted();
    assert_eq!(posted.len(), 3);
    assert!(posted.iter().all(|posted| holds_file(&posted.json, &bytes)));
    // WhatsApp knows them for one message.
    assert!(
        posted
            .iter()
            .all(|one| one.json["Id"] == posted[0].json["Id"])
    );
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_failure_is_the_result_of_its_key() {
    let (stage, gateway) = up(Dialect::Wuzapi).await;
    let refusal = json!({"code": 400, "error": "could not parse Phone", "success": false});
    gateway.answer([Answer::Status(400, refusal)]);
    for _ in 0..2 {
        let reply = send_under(&stage, "k", &text("x")).await;
        reply.refused(422, "gateway_refused");
    }
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_repeated_under_its_key_is_fetched_once() {
    let files = Files::start(&of_format("mp3", 9000)).await;
    let (stage, gateway) = up(Dialect::Evolution).await;
    let message = link("voice", &files.url("/file"));
    for _ in 0..3 {
        send_under(&stage, "k", &message).await.expect(200);
    }
    assert_eq!((files.asked().len(), gateway.posted().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_nobody_waits_for_has_the_first_correlation_id() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let headers = [("idempotency-key", "k"), ASYNC];
    let message = file("sticker", &of_format("webp", 3000));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let reply = send_with(&stage, &headers, &message).await.expect(202);
        ids.push(reply.data()["correlationId"].as_str().unwrap().to_owned());
        result_of(&stage, &ids[0]).await;
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    all_is_told(&stage).await;
    assert_eq!(results(&stage, &ids[0]).len(), 1);
    assert_eq!(gateway.posted().len(), 1);
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_interrupted_is_sent_under_its_key_as_the_same_message() {
    let (mut stage, gateway) = up(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let headers = [
        ("idempotency-key", "k"),
        ("content-type", "application/json"),
    ];
    let (path, body) = (Stage::path("messages/send"), text("hello").to_string());
    let call = {
        let (api, body) = (stage.api.clone(), body.clone());
        let path = path.clone();
        tokio::spawn(async move { api.try_call("POST", &path, &headers, body).await })
    };
    gateway.reached(1).await;
    stage.sidecar.kill();
    assert!(call.await.unwrap().is_err());
    gateway.let_go();
    stage.sidecar.start().await;
    send_under(&stage, "k", &text("hello")).await.expect(200);
    let posted = gateway.posted();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0].json["id"], posted[1].json["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_1_to_255_printable_characters() {
    let (stage, gateway) = up(Dialect::Waha).await;
    let (longest, longer) = ("k".repeat(255), "k".repeat(256));
    for key in ["", &longer] {
        let reply = send_under(&stage, key, &text("x")).await;
        reply.refused(400, "invalid_parameter");
    }
    assert!(gateway.posted().is_empty());
    send_under(&stage, &longest, &text("x")).await.expect(200);
}
