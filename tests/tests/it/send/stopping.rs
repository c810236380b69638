//! A process that stops, and a gateway that is replaced, while messages wait.

use titan_tests::gateway::{Answer, Dialect, Gateway, Posted};
use titan_tests::stage::Stage;

use super::harness::{
    file, holds_file, of_format, result_of, send_async, spool_is_empty, text, up, with,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_finish_what_is_on_its_way_and_keeps_what_waits() {
    let (mut stage, gateway) = up(Dialect::Wuzapi).await;
    gateway.answer([Answer::Held]);
    let call = {
        let (api, path) = (stage.api.clone(), Stage::path("messages/send"));
        let message = text("on its way");
        tokio::spawn(async move { api.post_json(&path, &message).await })
    };
    gateway.reached(1).await;
    let bytes = of_format("jpeg", 100_000);
    let waits = with(file("image", &bytes), "caption", "waits");
    let waits = send_async(&stage, &waits).await;
    stage.sidecar.ask_to_stop();
    stage.sidecar.logged("stopping").await;
    gateway.let_go();
    call.await.unwrap().expect(200);
    assert_eq!(stage.sidecar.ended().await.code(), Some(0));
    stage.sidecar.start().await;
    let told = result_of(&stage, &waits).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    assert_eq!(words, ["on its way", "waits"]);
    assert!(holds_file(&posted[1].json, &bytes));
    spool_is_empty(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_goes_through_the_gateway_that_is_there_by_then() {
    let (stage, first) = up(Dialect::Waha).await;
    first.answer([Answer::HangUp]);
    let bytes = of_format("ogg", 40_000);
    let id = send_async(&stage, &file("voice", &bytes)).await;
    first.reached(1).await;
    let second = Gateway::start(Dialect::Wuzapi).await;
    let session = stage.session.clone();
    stage.apply(&[session.spec("source.gateway.send", second.send_api())]);
    let told = result_of(&stage, &id).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    let (first, second) = (first.posted(), second.posted());
    // Whichever came first, the new configuration or the second try.
    let last = second.last().or_else(|| first.last()).unwrap();
    assert!(last.faults.is_empty(), "{:?}", last.faults);
    assert!(holds_file(&last.json, &bytes));
    spool_is_empty(&stage).await;
}
