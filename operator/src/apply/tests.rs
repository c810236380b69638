//! First write by POST, adoption, no write where nothing changed, and the conflicts.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use titan_crds::{TenantStorage, TenantStorageSpec};

use super::*;
use crate::{
    error::{Categorised, Class},
    names::{APPLIED_HASH, STORAGE_MANAGER},
    testing::{Call, Server, server},
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/acme/configmaps";

fn owner() -> Owner {
    let spec: TenantStorageSpec =
        serde_json::from_value(json!({"credentials": {"secretRef": {"name": "s3"}}})).unwrap();
    let mut storage = TenantStorage::new("media", spec);
    storage.metadata.namespace = Some("acme".to_owned());
    storage.metadata.uid = Some("owner".to_owned());
    Owner::storage(&storage).unwrap()
}

fn config_map(text: &str) -> ConfigMap {
    let owner = owner();
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "tstore-media", "namespace": "acme", "labels": owner.labels(),
            "ownerReferences": [owner.reference()],
        },
        "data": {"storage.yaml": text},
    }))
    .unwrap()
}

/// `managedFields` of a server that lets us own what we sent.
fn fields(operation: &str, data: &Value) -> Value {
    let labels: serde_json::Map<_, _> = owner()
        .labels()
        .keys()
        .map(|label| (format!("f:{label}"), json!({})))
        .collect();
    json!([{
        "manager": STORAGE_MANAGER, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {
                "f:labels": labels,
                "f:annotations": {"f:titan.media/applied-hash": {}},
                "f:ownerReferences": {"k:{\"uid\":\"owner\"}": {}},
            },
            "f:data": data,
        },
    }])
}

fn accept(call: Call, operation: &str) -> Value {
    let mut object = call.body.clone();
    object["metadata"]["uid"] = json!("child");
    object["metadata"]["resourceVersion"] = json!("7");
    object["metadata"]["managedFields"] = fields(operation, &json!({"f:storage.yaml": {}}));
    call.object(&object);
    object
}

struct Scene {
    client: Client,
    server: Server,
    ledger: Ledger,
    owner: Owner,
}

fn scene() -> Scene {
    let (client, server) = server();
    Scene {
        client,
        server,
        ledger: Ledger::default(),
        owner: owner(),
    }
}

/// Applies while the server does what it is told.
macro_rules! apply {
    ($scene:ident, $desired:expr, $script:expr) => {{
        let applier = Applier {
            client: &$scene.client,
            ledger: &$scene.ledger,
            manager: STORAGE_MANAGER,
            owner: &$scene.owner,
        };
        let desired = $desired;
        let script = $script;
        let server = &mut $scene.server;
        tokio::join!(applier.apply(&desired), script(server))
    }};
}

async fn created(server: &mut Server) -> Value {
    let call = server.expect(&format!("POST {CONFIG_MAPS}")).await;
    accept(call, "Update")
}

async fn nothing(_: &mut Server) {}

#[tokio::test]
async fn the_first_write_is_a_post_and_the_second_is_none() {
    let mut scene = scene();
    let (applied, sent) = apply!(scene, config_map("a"), created);
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
    assert!(sent["metadata"]["annotations"][APPLIED_HASH].is_string());
    let (applied, ()) = apply!(scene, config_map("a"), nothing);
    assert!(matches!(applied.unwrap(), Applied::Unchanged { uid } if uid == "child"));
    scene.server.assert_idle();
}

#[tokio::test]
async fn a_change_is_applied_to_that_very_object_after_the_posts_entry_is_taken_over() {
    let mut scene = scene();
    let (_, sent) = apply!(scene, config_map("a"), created);
    let (applied, patch) = apply!(scene, config_map("b"), async |server: &mut Server| {
        let path = format!("{CONFIG_MAPS}/tstore-media");
        server.expect(&format!("GET {path}")).await.object(&sent);
        let takeover = server.expect(&format!("PATCH {path}")).await;
        assert_eq!(
            takeover.body["metadata"]["managedFields"][0]["operation"],
            "Apply"
        );
        assert_eq!(takeover.body["metadata"]["resourceVersion"], "7");
        takeover.object(&sent);
        let call = server.expect(&format!("PATCH {path}")).await;
        let body = call.body.clone();
        accept(call, "Apply");
        body
    });
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
    assert_eq!(patch["metadata"]["uid"], "child");
    assert_eq!(patch["data"]["storage.yaml"], "b");
}

#[tokio::test]
async fn after_a_restart_what_is_as_it_should_be_is_read_and_not_written() {
    let mut scene = scene();
    let (_, sent) = apply!(scene, config_map("a"), created);
    scene.ledger = Ledger::default();
    let observed: ConfigMap = serde_json::from_value(sent.clone()).unwrap();
    let key = Key {
        kind: "ConfigMap",
        namespace: "acme".to_owned(),
        name: "tstore-media".to_owned(),
    };
    scene
        .ledger
        .observe(key, &observed.metadata, STORAGE_MANAGER);
    let read = async |server: &mut Server| {
        let call = server
            .expect(&format!("GET {CONFIG_MAPS}/tstore-media"))
            .await;
        call.object(&sent);
    };
    let (applied, ()) = apply!(scene, config_map("a"), read);
    assert!(matches!(applied.unwrap(), Applied::Unchanged { .. }));
    let (applied, ()) = apply!(scene, config_map("a"), nothing);
    assert!(matches!(applied.unwrap(), Applied::Unchanged { .. }));
    scene.server.assert_idle();
}

#[tokio::test]
async fn a_child_that_a_hand_edited_is_written_again() {
    let mut scene = scene();
    let (_, mut sent) = apply!(scene, config_map("a"), created);
    // `kubectl edit` takes the field over.
    sent["metadata"]["managedFields"] = fields("Apply", &json!({".": {}}));
    let observed: ConfigMap = serde_json::from_value(sent.clone()).unwrap();
    let key = Key {
        kind: "ConfigMap",
        namespace: "acme".to_owned(),
        name: "tstore-media".to_owned(),
    };
    scene
        .ledger
        .observe(key, &observed.metadata, STORAGE_MANAGER);
    let (applied, ()) = apply!(scene, config_map("a"), async |server: &mut Server| {
        let path = format!("{CONFIG_MAPS}/tstore-media");
        server.expect(&format!("GET {path}")).await.object(&sent);
        accept(server.expect(&format!("PATCH {path}")).await, "Apply");
    });
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
}

/// A hand put an entry beside ours that makes the whole invalid: ours replaces the list.
#[tokio::test]
async fn what_a_hand_made_invalid_is_replaced() {
    let mut scene = scene();
    let (applied, _) = apply!(scene, config_map("a"), created);
    applied.unwrap();
    let script = async |server: &mut Server| {
        let line = format!("PATCH {CONFIG_MAPS}/tstore-media");
        let read = format!("GET {CONFIG_MAPS}/tstore-media");
        server.expect(&read).await.object(&json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "tstore-media", "namespace": "acme", "uid": "child", "labels": owner().labels()},
        }));
        server.expect(&line).await.fail(422, "Invalid");
        let replaced = accept(server.expect(&line).await, "Update");
        let sent = accept(server.expect(&line).await, "Apply");
        assert_eq!(replaced["data"], sent["data"]);
    };
    let (applied, ()) = apply!(scene, config_map("b"), script);
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
    scene.server.assert_idle();
}

#[tokio::test]
async fn t16_a_foreign_object_of_the_name_is_a_conflict_and_stays_untouched() {
    let mut scene = scene();
    let (applied, ()) = apply!(scene, config_map("a"), async |server: &mut Server| {
        let call = server.expect(&format!("POST {CONFIG_MAPS}")).await;
        call.fail(409, "AlreadyExists");
        let call = server
            .expect(&format!("GET {CONFIG_MAPS}/tstore-media"))
            .await;
        call.object(&json!({"metadata": {"name": "tstore-media", "uid": "foreign"}}));
    });
    let error = applied.unwrap_err();
    assert!(matches!(error, ApplyError::NameConflict { .. }), "{error}");
    assert_eq!(error.class(), Class::Terminal);
    scene.server.assert_idle();
}

#[tokio::test]
async fn an_orphan_that_bears_our_labels_is_adopted() {
    let mut scene = scene();
    let (applied, ()) = apply!(scene, config_map("a"), async |server: &mut Server| {
        let path = format!("{CONFIG_MAPS}/tstore-media");
        let call = server.expect(&format!("POST {CONFIG_MAPS}")).await;
        call.fail(409, "AlreadyExists");
        let orphan = json!({"metadata": {"name": "tstore-media", "uid": "orphan", "labels": owner().labels()}});
        server.expect(&format!("GET {path}")).await.object(&orphan);
        let call = server.expect(&format!("PATCH {path}")).await;
        assert_eq!(call.body["metadata"]["uid"], "orphan");
        accept(call, "Apply");
    });
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
}

#[tokio::test]
async fn t16_a_child_that_goes_with_its_former_owner_is_waited_for() {
    let mut scene = scene();
    let (applied, ()) = apply!(scene, config_map("a"), async |server: &mut Server| {
        let call = server.expect(&format!("POST {CONFIG_MAPS}")).await;
        call.fail(409, "AlreadyExists");
        let going = json!({"metadata": {
            "name": "tstore-media", "uid": "old", "labels": owner().labels(),
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        }});
        let call = server
            .expect(&format!("GET {CONFIG_MAPS}/tstore-media"))
            .await;
        call.object(&going);
    });
    let error = applied.unwrap_err();
    assert!(matches!(error, ApplyError::Terminating { .. }), "{error}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_deleted_child_is_made_again() {
    let mut scene = scene();
    let (_, sent) = apply!(scene, config_map("a"), created);
    let key = Key {
        kind: "ConfigMap",
        namespace: "acme".to_owned(),
        name: "tstore-media".to_owned(),
    };
    scene.ledger.gone(&key, Some("another"));
    let (applied, ()) = apply!(scene, config_map("a"), nothing);
    assert!(matches!(applied.unwrap(), Applied::Unchanged { .. }));
    scene.ledger.gone(&key, sent["metadata"]["uid"].as_str());
    let (applied, _) = apply!(scene, config_map("a"), created);
    assert!(matches!(applied.unwrap(), Applied::Written(_)));
}
