//! Wrong keys, names and parameters, over every row of the table.

use std::collections::BTreeSet;

use titan_tests::api::Api;
use titan_tests::contract::Contract;
use titan_tests::stage::{API_KEY, INBOUND_KEY, Plan};

use super::table::{Caller, ROWS, Row};
use super::{Scene, call, refused};

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_served_document_has_a_row() {
    let scene = Scene::up(Plan::usual().await).await;
    let served = Api::new(&scene.stage.sidecar.url())
        .get("/openapi.json")
        .await;
    let operations = Contract::new(served.expect(200).json()).operations();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(rows, operations);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_right_use_is() {
    for row in ROWS {
        // Some forget what others need: each has a scene of its own.
        let scene = Scene::up(Plan::usual().await).await;
        let path = scene.path(&row);
        let reply = call(&scene.stage.api, &row, &path, "3EB0RIGHT").await;
        let operation = row.operation;
        assert_eq!(reply.status, row.status, "{operation}: {}", reply.json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_hear_401_and_inbound_keys_open_nothing_else() {
    let scene = Scene::up(Plan::usual().await).await;
    let api = &scene.stage.api;
    let nobody = "titan_test_nobody_0123456789abcdefghij";
    let before = scene.state().await;
    for row in ROWS {
        let path = scene.path(&row).replace(INBOUND_KEY, nobody);
        for (caller, case) in [
            (api.without_key(), "no key"),
            (api.with_key(nobody), "an unknown key"),
            (api.with_key(""), "an empty key"),
        ] {
            let reply = call(&caller, &row, &path, "3EB0STRANGER").await;
            refused(&row, &reply, 401, "unauthorized", case);
            // Of a session that is not there a stranger hears the same.
            let other = path.replace("/default", "/nobody");
            let reply = call(&caller, &row, &other, "3EB0STRANGER").await;
            refused(&row, &reply, 401, "unauthorized", case);
        }
        let inbound = call(&api.with_key(INBOUND_KEY), &row, &path, "3EB0INBOUND").await;
        match row.caller {
            Caller::Api => refused(&row, &inbound, 403, "insufficient_scope", "an inbound key"),
            Caller::AnySession | Caller::GatewayByPath => {
                refused(&row, &inbound, 401, "unauthorized", "an inbound key");
            }
            // Right use; see `the_table_says_what_right_use_is`.
            Caller::Gateway => assert_eq!(inbound.status, 202),
        }
    }
    let mut after = scene.state().await;
    // What the inbound key handed in.
    after.told -= 1;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_are_404_and_unreadable_ones_400() {
    let scene = Scene::up(Plan::usual().await).await;
    let api = &scene.stage.api;
    let (none, long) = ("f".repeat(32), "a".repeat(3000));
    let before = scene.state().await;
    for row in ROWS {
        let path = row.path();
        if path.contains("{session}") {
            for wrong in ["nobody", &long, "..%2f..%2fetc", "%00", "default%20"] {
                // A key in the path belongs to a session: of another it is unknown.
                let known = row.caller != Caller::GatewayByPath;
                let other = scene.path_of(&path.replace("{session}", wrong), row.query);
                let reply = call(api, &row, &other, "3EB0NAME").await;
                let (status, code) = if known {
                    (404, "session_not_found")
                } else {
                    (401, "unauthorized")
                };
                refused(&row, &reply, status, code, wrong);
            }
            let path = scene.path_of(&path.replace("{session}", "%FF"), row.query);
            let reply = call(api, &row, &path, "3EB0NAME").await;
            refused(
                &row,
                &reply,
                400,
                "invalid_path",
                "a session that is no UTF-8",
            );
        }
        if path.contains("{media}") {
            for wrong in [&*none, &*long, "..%2f..%2fetc", "%00", "'%20OR%201=1--"] {
                let path = scene.path_of(&path.replace("{media}", wrong), "");
                let reply = call(api, &row, &path, "3EB0NAME").await;
                refused(&row, &reply, 404, "media_not_found", wrong);
            }
            let path = scene.path_of(&path.replace("{media}", "%FF"), "");
            let reply = call(api, &row, &path, "3EB0NAME").await;
            refused(&row, &reply, 400, "invalid_path", "media that is no UTF-8");
        }
    }
    assert_eq!(scene.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_a_route_does_not_have_are_405() {
    let scene = Scene::up(Plan::usual().await).await;
    // Without the contract: a path may be read as another one with a parameter.
    let api = Api::new(&scene.stage.sidecar.url()).with_key(API_KEY);
    let before = scene.state().await;
    let paths: BTreeSet<_> = ROWS.iter().map(Row::path).collect();
    for path in paths {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let known = format!("{method} {path}");
            if ROWS.iter().all(|row| row.operation != known) {
                let reply = api.call(method, &scene.path_of(path, ""), &[], b"").await;
                reply.refused(405, "method_not_allowed");
            }
        }
    }
    api.get("/api/sessions/default/nothing")
        .await
        .refused(404, "route_not_found");
    assert_eq!(scene.state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_400_and_unknown_ones_are_ignored() {
    let scene = Scene::up(Plan::usual().await).await;
    let api = &scene.stage.api;
    let before = scene.state().await;
    for row in ROWS {
        for wrong in row.wrong_queries {
            let path = scene.path_of(row.path(), wrong);
            let reply = call(api, &row, &path, "3EB0QUERY").await;
            refused(&row, &reply, 400, "invalid_parameter", wrong);
        }
    }
    for route in ["webhooks/test", "webhooks/replay"] {
        let path = titan_tests::stage::Stage::path(route);
        let reply = api.post(&format!("{path}?endpoint=ep_none&id=evt_1")).await;
        reply.refused(404, "endpoint_not_found");
    }
    assert_eq!(scene.state().await, before);
    let list = titan_tests::stage::Stage::path("media?unknown=1&limit=1");
    api.get(&list).await.expect(200);
}
