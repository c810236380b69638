//! Sessions without a volume: a file that waits there would not survive, so nobody is told that it
//! will be sent.

use serde_json::{Value, json};
use titan_tests::gateway::Dialect;
use titan_tests::manifests::Document;
use titan_tests::postgres::Postgres;
use titan_tests::stage::{Plan, TENANT};

use super::harness::{
    ASYNC, file, holds_file, of_format, plan, result_of, send_async, send_with, spool_is_empty,
    text,
};

async fn files_are_answered_when_they_are_sent(plan: impl FnOnce(Plan) -> Plan) {
    let (usual, gateway) = self::plan(Dialect::Evolution).await;
    let stage = plan(usual).up().await;
    let bytes = of_format("png", 100_000);
    let sent = send_with(&stage, &[ASYNC], &file("image", &bytes)).await;
    assert_eq!(sent.header("preference-applied"), None);
    assert_eq!(sent.expect(200).data()["status"], "sent");
    assert!(holds_file(&gateway.posted()[0].json, &bytes));
    spool_is_empty(&stage).await;
    let id = send_async(&stage, &text("words")).await;
    let told = result_of(&stage, &id).await;
    assert_eq!(told.json["payload"]["success"], true, "{}", told.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_ephemeral_store_only_texts_are_answered_before_they_are_sent() {
    let ephemeral = json!({"ephemeral": true});
    files_are_answered_when_they_are_sent(|plan| plan.spec("store.sqlite", ephemeral)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgres_only_texts_are_answered_before_they_are_sent() {
    let database = tokio::task::spawn_blocking(|| Postgres::shared().database());
    let url = database.await.unwrap().url();
    let store: Value = json!({"postgres": {"urlSecretRef": {"name": "acme-db", "key": "url"}}});
    files_are_answered_when_they_are_sent(|plan| {
        let mut plan = plan.spec("store", store);
        // `localhost` has two addresses, and the driver may dial either.
        let flags = ["--allow-cidr", "::1/128"].map(str::to_owned);
        plan.launch.args.extend(flags);
        let secret = Document::secret(TENANT, "acme-db", &[("url", &url)]);
        plan.more.push(secret);
        plan
    })
    .await;
}
