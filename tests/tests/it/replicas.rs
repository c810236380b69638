//! Two processes over one Postgres: they share the work, and one that dies leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::baileys;
use titan_tests::manifests::{self, Document};
use titan_tests::media::Kind;
use titan_tests::postgres::{Database, Postgres};
use titan_tests::random::Random;
use titan_tests::sidecar::{Launch, Sidecar};
use titan_tests::sink::Answer;
use titan_tests::stage::{API_KEY, Plan, Stage, TENANT};
use titan_tests::wait::{SOON, eventually, until};

use super::kill::{
    Taken, every_event_came_under_one_id, every_record_is_there, files, nothing_is_left, send,
};

/// How often a replica is killed.
const KILLS: u64 = 6;

/// Requests in flight at once.
const SENDERS: u64 = 4;

async fn database() -> Database {
    let database = tokio::task::spawn_blocking(|| Postgres::shared().database());
    database.await.unwrap()
}

/// The usual plan with its records in `url`.
async fn plan(url: &str) -> Plan {
    let mut plan = Plan::usual()
        .await
        .spec(
            "store",
            json!({"postgres": {"urlSecretRef": {"name": "acme-db", "key": "url"}}}),
        )
        .spec("replicas", 2);
    // `localhost` has two addresses, and the driver may dial either.
    for word in ["--allow-cidr", "::1/128"] {
        plan.launch.args.push(word.to_owned());
    }
    plan.more
        .push(Document::secret(TENANT, "acme-db", &[("url", url)]));
    plan
}

/// Two replicas: the stage's own, and another with data, ports and log of its own.
async fn two(url: &str, edit: impl FnOnce(Plan) -> Plan) -> (Stage, Sidecar, Api) {
    let plan = edit(plan(url).await);
    let mut launch = Launch::new();
    launch.args.clone_from(&plan.launch.args);
    manifests::write(&launch.manifests(), &plan.documents()).unwrap();
    let stage = plan.up().await;
    let other = launch.start().await;
    let api = Api::new(&other.url()).with_key(API_KEY);
    (stage, other, api)
}

/// Load on both replicas while `disturb` runs; whatever was answered 202 is there afterwards.
async fn hold_under_load<F, Fut>(stage: &Stage, other: &Api, disturb: F)
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()>,
{
    let files = files(stage, &mut Random::new(7));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let apis = vec![stage.api.clone(), other.clone()];
            tokio::spawn(send(apis, files.clone(), sender, stop.clone()))
        })
        .collect();
    disturb().await;
    stop.store(true, Ordering::Relaxed);
    let mut taken = Vec::new();
    for sender in senders {
        taken.extend(sender.await.unwrap());
    }
    assert!(taken.len() > 20, "only {} messages", taken.len());
    println!("{} messages taken", taken.len());
    nothing_is_left(stage).await;
    every_record_is_there(stage, &taken).await;
    every_event_came_under_one_id(stage, &taken);
    every_chat_kept_its_order(stage, &taken);
    let status = stage.status().await;
    let queue = &status["sessions"][0]["queue"];
    let ends = (&queue["failed"], &queue["deliveries_dead"]);
    assert_eq!(ends, (&json!(0), &json!(0)), "{status}");
}

/// Not a wait for anything: what comes, comes at a random point of the load.
async fn some_time(stage: &Stage, random: &mut Random) {
    let late = Answer::Late(Duration::from_millis(30));
    stage.sink.answer([Answer::Status(500), late]);
    tokio::time::sleep(Duration::from_millis(random.within(300..900))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_under_load_costs_no_message_and_no_order() {
    let url = database().await.tls_url();
    let (stage, mut other, api) =
        two(&url, |plan| plan.spec("autoPersist.holdWebhook", "5s")).await;
    let mut random = Random::for_run("replicas", 20_251_125);
    hold_under_load(&stage, &api, || async {
        for kill in 1..=KILLS {
            some_time(&stage, &mut random).await;
            other.kill();
            // At last it stays dead: what it had in hand is the other one's then.
            if kill < KILLS {
                other.start().await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_under_load_costs_no_message_and_no_order() {
    let server = Arc::new(tokio::task::spawn_blocking(Postgres::start).await.unwrap());
    let url = server.database().url();
    let (stage, other, api) = two(&url, |plan| plan.spec("autoPersist.holdWebhook", "5s")).await;
    let mut random = Random::for_run("outage", 20_251_126);
    hold_under_load(&stage, &api, || async {
        for seconds in [0, 3] {
            some_time(&stage, &mut random).await;
            let server = server.clone();
            let outage = tokio::task::spawn_blocking(move || server.outage(seconds));
            outage.await.unwrap();
        }
        some_time(&stage, &mut random).await;
        until(SOON, "both are ready again", || async {
            let (here, there) = (stage.sidecar.admin(), other.admin());
            here.get("/readyz").await.status == 200 && there.get("/readyz").await.status == 200
        })
        .await;
    })
    .await;
}

/// Each chat's messages, as its sender sent them one after the other, were accepted in that order.
fn every_chat_kept_its_order(stage: &Stage, taken: &[Taken]) {
    let mut sent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in taken {
        sent.entry(&one.chat).or_default().push(&one.id);
    }
    let mut seen = BTreeSet::new();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for delivery in stage.sink.deliveries() {
        let id = delivery.message_id().to_owned();
        if delivery.event() == "message.received" && delivery.accepted() && seen.insert(id.clone())
        {
            let chat = delivery.json["payload"]["chatId"].as_str().unwrap();
            told.entry(chat.to_owned()).or_default().push(id);
        }
    }
    for (chat, sent) in sent {
        assert_eq!(told[chat], sent, "{chat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_know_what_each_other_did() {
    let url = database().await.url();
    let (stage, other, api) = two(&url, Plan::on_demand).await;
    let (sealed, path) = stage.file(Kind::Document, 200_000);
    let media = stage.take("3EB0BOTH", baileys::file(&sealed, &path)).await;
    let again = api
        .post_json(
            &Stage::path("inbound"),
            &baileys::one("3EB0BOTH", baileys::file(&sealed, &path)),
        )
        .await;
    assert_eq!(again.expect(202).data()["duplicates"], 1);
    // Whichever replica runs it, callers of both hear of it.
    let persist = Stage::path(&format!("media/{media}/persist"));
    let (here, there) = tokio::join!(stage.persist(&media), api.post(&persist));
    for reply in [here, there] {
        assert_eq!(reply.expect(200).data()["persisted"], true);
    }
    assert_eq!(stage.bucket.objects().len(), 1);
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_is_taken_up_without_a_restart() {
    let database = database().await;
    database.sql("CREATE ROLE tenant LOGIN PASSWORD 'first' IN ROLE pg_read_all_data");
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} OWNER TO tenant"));
    database.sql("ALTER SCHEMA public OWNER TO tenant");
    let as_tenant = |password: &str| {
        let tenant = format!("//tenant:{password}@");
        database.tls_url().replace("//titan:titan@", &tenant)
    };
    let stage = plan(&as_tenant("first")).await.up().await;
    stage.take("3EB0OLD", baileys::text("x")).await;
    database.sql("ALTER ROLE tenant PASSWORD 'second'");
    let renewed = Document::secret(TENANT, "acme-db", &[("url", &as_tenant("second"))]);
    stage.apply(&[renewed]);
    stage.sidecar.logged("configuration changed").await;
    // Connections that worked are kept; they are asked to show that the new password opens others.
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenant'");
    let again = stage
        .inbound(&baileys::one("3EB0OLD", baileys::text("x")))
        .await;
    assert_eq!(again.expect(202).data()["duplicates"], 1);
    until(SOON, "it reads again too", || async {
        stage.report().await["store"] == "open"
    })
    .await;
    let log = stage.sidecar.log_text();
    assert!(
        !log.contains("first") && !log.contains("second"),
        "a password in the log"
    );
    assert!(
        !log.contains("session gone") && !log.contains("starts anew"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_url_that_is_wrong_is_named_and_not_shown() {
    for (url, says) in [
        (
            "mysql://me:hunter2@db/titan",
            "does not begin with postgres://",
        ),
        (
            "postgres://me:hunter2@db:port/titan",
            "is no usable postgres:// URL",
        ),
    ] {
        let words = ["store.postgres.urlSecretRef", "\"acme-db\"", says];
        let text = plan(url).await.refused(&words);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// In a pod nothing keeps the process from starting.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_database_is_not_known_yet_says_so_and_starts_once_it_is() {
    let url = database().await.url();
    let mut plan = plan(&url).await.spec("webhooks", json!([]));
    plan.launch.args.push("--in-pod".to_owned());
    let secrets = std::mem::take(&mut plan.more);
    plan.write();
    let mut sidecar = plan.launch.spawn();
    let problem = eventually(SOON, "it says what is missing", || async {
        let asked = sidecar.admin().try_call("GET", "/status", &[], b"").await;
        let session = asked.ok()?.json()["sessions"][0].take();
        Some(session["missing"][0].clone()).filter(|problem| problem["secret"] == "acme-db")
    })
    .await;
    assert_eq!(problem["field"], "spec.store.postgres.urlSecretRef");
    assert_eq!(problem["reason"], "SecretNotFound");
    manifests::write(&sidecar.launch().manifests(), &secrets).unwrap();
    sidecar.wait_ready().await;
}
