//! Two processes over one Postgres send for one session: a repeat is one message at either, chats keep
//! their order, and what a killed one leaves is sent or told by the other.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use titan_tests::api::{Api, Reply};
use titan_tests::gateway::{Answer, Dialect, Gateway, Posted};
use titan_tests::manifests::{self, Document};
use titan_tests::postgres::Postgres;
use titan_tests::sidecar::{Launch, Sidecar};
use titan_tests::stage::{API_KEY, Stage, TENANT};
use titan_tests::wait::{SOON, until};

use super::harness::{
    ASYNC, file, holds_file, of_format, plan, result_of, send_async, send_with, text, with,
};

/// A stage, another replica of it, and the gateway that both send through.
async fn two(dialect: Dialect) -> (Stage, Sidecar, Api, Gateway) {
    let (plan, gateway) = plan(dialect).await;
    let database = tokio::task::spawn_blocking(|| Postgres::shared().database());
    let url = database.await.unwrap().url();
    let secret = json!({"name": "acme-db", "key": "url"});
    let mut plan = plan
        .spec("store", json!({"postgres": {"urlSecretRef": secret}}))
        .spec("replicas", 2);
    // `localhost` has two addresses, and the driver may dial either.
    let flags = ["--allow-cidr", "::1/128"].map(str::to_owned);
    plan.launch.args.extend(flags);
    let secret = Document::secret(TENANT, "acme-db", &[("url", &url)]);
    plan.more.push(secret);
    let mut launch = Launch::new();
    launch.args.clone_from(&plan.launch.args);
    manifests::write(&launch.manifests(), &plan.documents()).unwrap();
    let stage = plan.up().await;
    let other = launch.start().await;
    let api = Api::new(&other.url()).with_key(API_KEY);
    (stage, other, api, gateway)
}

async fn at(api: &Api, headers: &[(&str, &str)], message: &Value) -> Reply {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    let path = Stage::path("messages/send");
    api.call("POST", &path, &all, message.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_at_another_replica_is_the_same_message() {
    let (stage, _other, api, gateway) = two(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let message = file("image", &of_format("png", 100_000));
    let headers = [("idempotency-key", "k")];
    let first = send_with(&stage, &headers, &message);
    let second = async {
        gateway.reached(1).await;
        let repeat = at(&api, &headers, &message);
        let release = async { gateway.let_go() };
        tokio::join!(repeat, release).0
    };
    let (first, second) = tokio::join!(first, second);
    let first = first.expect(200).data();
    assert_eq!(second.expect(200).data(), first);
    let third = at(&api, &headers, &message).await;
    assert_eq!(third.expect(200).data(), first);
    assert_eq!(gateway.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_keeps_its_order_over_replicas() {
    let (stage, _other, api, gateway) = two(Dialect::Evolution).await;
    gateway.answer([Answer::Held]);
    let mut ids = Vec::new();
    for index in 0..10 {
        let message = text(&format!("number {index}"));
        if index % 2 == 0 {
            ids.push(send_async(&stage, &message).await);
        } else {
            let reply = at(&api, &[ASYNC], &message).await.expect(202);
            ids.push(reply.data()["correlationId"].as_str().unwrap().to_owned());
        }
    }
    gateway.let_go();
    for id in &ids {
        let told = result_of(&stage, id).await;
        assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    }
    let posted = gateway.posted();
    let words: Vec<_> = posted.iter().map(Posted::words).collect();
    let wanted: Vec<_> = (0..10).map(|index| format!("number {index}")).collect();
    assert_eq!(words, wanted);
    assert!(posted.iter().all(|posted| posted.beside == 0), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_left_the_other_sends_in_its_order() {
    let (mut stage, _other, api, gateway) = two(Dialect::Waha).await;
    gateway.answer([Answer::Held]);
    let bytes = of_format("png", 50_000);
    // Whichever takes it: the other one is killed below, or has it.
    let first = send_async(&stage, &text("first")).await;
    gateway.reached(1).await;
    let waiting = with(file("image", &bytes), "caption", "of the dead");
    let call = {
        let (api, body) = (stage.api.clone(), waiting.to_string());
        let path = Stage::path("messages/send");
        let headers = [("content-type", "application/json")];
        tokio::spawn(async move { api.try_call("POST", &path, &headers, body).await })
    };
    until(SOON, "the file waits", || async {
        stage.report().await["queue"]["sends_open"] == 2
    })
    .await;
    let last = at(&api, &[ASYNC], &text("last")).await.expect(202);
    stage.sidecar.kill();
    assert!(call.await.unwrap().is_err());
    gateway.let_go();
    for id in [
        first,
        last.data()["correlationId"].as_str().unwrap().to_owned(),
    ] {
        let told = result_of(&stage, &id).await;
        assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
    }
    let posted = gateway.posted();
    let words: BTreeSet<_> = posted.iter().map(Posted::words).collect();
    // Nobody was answered for the file, which is gone with its replica.
    assert_eq!(words, BTreeSet::from(["first", "last"]), "{posted:?}");
    assert_eq!(posted.last().unwrap().words(), "last");
    assert!(!posted.iter().any(|posted| holds_file(&posted.json, &bytes)));
}
