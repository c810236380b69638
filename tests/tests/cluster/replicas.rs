//! Two sidecars of one session over a Postgres at the node's address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::media::Sealed;
use titan_tests::postgres::{Database, Postgres};
use titan_tests::wait::eventually;

use crate::harness::kube::wait_until;
use crate::harness::object::says;
use crate::harness::peers::about;
use crate::harness::scene::{SYNC, Scene};

/// Chats that messages come from, each at the same time.
const CHATS: usize = 4;

/// What a dead replica had in hand is taken over once its lease has run out, then delivered.
const TAKEN_OVER: Duration = Duration::from_mins(2);

/// Messages that were answered 202, by chat in their order.
type Acknowledged = BTreeMap<String, Vec<String>>;

/// The Secret that leads to the database, with the certificate that it is checked with.
async fn database(scene: &Scene, database: &Database) -> Value {
    let path = r#"jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}"#;
    let args = ["get", "nodes", "-o", path];
    let node = scene.kube().kubectl(&args).await.expect();
    let url = database.url_at(node.trim(), "/etc/titan/secrets/acme-db/ca.crt");
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "acme-db", "namespace": scene.namespace},
        "stringData": {"url": url, "ca.crt": database.ca()},
    })
}

/// A session with two sidecars over `db`.
async fn up(scene: &Scene, db: &Database) {
    let mut session = scene.session("default");
    session["spec"]["store"] =
        json!({"postgres": {"urlSecretRef": {"name": "acme-db", "key": "url"}}});
    session["spec"]["replicas"] = json!(2);
    let secret = database(scene, db).await;
    let documents = [secret, scene.secret(), scene.storage(), session];
    scene.kube().apply(&documents).await;
    scene.ready("default").await;
}

/// Posts messages of one chat, one after the other, one in four with a file, until told to stop; a
/// message without an answer again, as gateways do.
async fn send(
    api: Api,
    chat: String,
    file: Arc<(Sealed, String)>,
    stop: Arc<AtomicBool>,
) -> (String, Vec<String>) {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let serial = acknowledged.len();
        let id = format!(
            "3EB0{}N{serial}",
            chat.split('@').next().unwrap_or_default()
        );
        let content = if serial % 4 == 0 {
            baileys::file(&file.0, &file.1)
        } else {
            baileys::text("load")
        };
        let body = baileys::upsert(&[baileys::message_in(&chat, &id, content)]).to_string();
        eventually(SYNC, "a replica takes the message", || async {
            let headers = [("content-type", "application/json")];
            let path = "/api/sessions/default/inbound";
            let answer = api.try_call("POST", path, &headers, &body).await;
            answer.ok().filter(|reply| reply.status == 202)
        })
        .await;
        acknowledged.push(id);
    }
    (chat, acknowledged)
}

#[tokio::test]
async fn a_replica_killed_under_load_costs_no_message_and_no_order() {
    let scene = Scene::new("replicas").await;
    let server = tokio::task::spawn_blocking(Postgres::everywhere);
    let server = server.await.unwrap();
    up(&scene, &server.database()).await;
    let api = scene.api("default").await;
    let file = Arc::new(scene.file(300_000).await);
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..CHATS)
        .map(|chat| {
            let chat = format!("551160000000{chat}@s.whatsapp.net");
            tokio::spawn(send(api.clone(), chat, file.clone(), stop.clone()))
        })
        .collect();
    for _ in 0..2 {
        let before = scene.peer.deliveries(&scene.hook()).await.len();
        wait_until(SYNC, "load is under way", async || {
            scene.peer.deliveries(&scene.hook()).await.len() > before + 20
        })
        .await;
        kill_one(&scene).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Acknowledged::new();
    for sender in senders {
        acknowledged.extend([sender.await.unwrap()]);
    }
    let all: BTreeSet<&String> = acknowledged.values().flatten().collect();
    wait_until(TAKEN_OVER, "every message is told", async || {
        let told = told(&scene).await;
        all.iter()
            .all(|id| told.iter().any(|event| about(event) == id.as_str()))
    })
    .await;
    let told = told(&scene).await;
    every_event_has_one_id(&told);
    every_chat_kept_its_order(&told, &acknowledged);
}

/// Kills a pod without a warning, and waits until there are two again.
async fn kill_one(scene: &Scene) {
    let pods = scene.pods("default").await;
    let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = scene.namespace.as_str();
    let force = ["--grace-period=0", "--force"];
    let args = [&["delete", "pod", name, "-n", namespace][..], &force].concat();
    scene.kube().kubectl(&args).await.expect();
    wait_until(SYNC, "both are ready again", async || {
        let pods = scene.pods("default").await;
        let ready =
            |pod: &&Value| pod["metadata"]["name"] != name && says(pod, "Ready", "True", "");
        pods.iter().filter(ready).count() == 2
    })
    .await;
}

/// Accepted events that announce messages, as they came.
async fn told(scene: &Scene) -> Vec<Value> {
    let deliveries = scene.peer.deliveries(&scene.hook()).await.into_iter();
    deliveries
        .filter(|taken| taken.answered == 200)
        .map(|taken| taken.json)
        .filter(|event| event["event"] == "message.received")
        .collect()
}

fn every_event_has_one_id(told: &[Value]) {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in told {
        let id = event["id"].as_str().unwrap_or_default();
        ids.entry(about(event)).or_default().insert(id);
    }
    for (message, ids) in ids {
        assert_eq!(ids.len(), 1, "{message} came under {ids:?}");
    }
}

/// A message may come again, but never the first time after a later one of its chat.
fn every_chat_kept_its_order(told: &[Value], acknowledged: &Acknowledged) {
    for (chat, sent) in acknowledged {
        let mut seen = BTreeSet::new();
        let first: Vec<&str> = told
            .iter()
            .filter(|event| event["payload"]["chatId"] == chat.as_str())
            .map(about)
            .filter(|id| seen.insert(*id))
            .collect();
        assert_eq!(first, *sent, "{chat}");
    }
}

#[tokio::test]
async fn replicas_have_a_budget_and_no_volume_and_ready_means_all_of_them() {
    let scene = Scene::new("replicas_children").await;
    let server = tokio::task::spawn_blocking(Postgres::everywhere);
    let server = server.await.unwrap();
    up(&scene, &server.database()).await;
    assert_eq!(scene.pods("default").await.len(), 2);
    let kube = scene.kube();
    let volume = scene.object("PersistentVolumeClaim", "msess-default");
    assert!(kube.get(&volume).await.is_none());
    let budget = scene.object("PodDisruptionBudget", "msess-default");
    assert!(kube.get(&budget).await.is_some());
    let deployment = scene.object("Deployment", "msess-default");
    let deployment = kube.get(&deployment).await.unwrap();
    assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
    scene.takes_an_image("default", "3EB0SHARED").await;
}
