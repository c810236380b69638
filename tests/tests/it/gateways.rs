//! Every gateway's bodies through the real program: taken, understood, and a redelivery that finds
//! its own record.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use serde_json::{Value, json};
use titan_tests::api::Reply;
use titan_tests::cache::{crate_folder, installed};
use titan_tests::fixtures::Fixture;
use titan_tests::media::digest;
use titan_tests::sink::Delivery;
use titan_tests::stage::{API_KEY, Plan, Stage};
use titan_tests::wait::{SOON, until};

/// The published vector of the media crypto: what all fixtures' files are.
const PLAIN: &[u8] = b"Polymorfa golden vector: whatsmeow cbcutil + hkdfutil, 2026.";
const BLOB: &str = "474233e574aba8c2e6f5c68cd3ea5b7e4cad764538e8593340c36d30d4067b87783033c9ef4b31ce\
                    661e6bd986f4a2c01c454eabdf2c3653726639cc1bc8eeb58ddb7d86c09618d427a0";

async fn post(stage: &Stage, fixture: &Fixture) -> Reply {
    let path = Stage::path(&format!("inbound{}", fixture.query));
    let headers = [("content-type", fixture.content_type.as_str())];
    stage.api.call("POST", &path, &headers, &fixture.body).await
}

/// Posts a fixture and returns what became of it.
async fn taken(stage: &Stage, fixture: &Fixture) -> Value {
    let reply = post(stage, fixture).await;
    assert_eq!(reply.status, 202, "{}: {}", fixture.name, reply.json());
    reply.data()
}

/// An id of its own for each fixture of a test.
fn numbered(fixtures: Vec<Fixture>) -> impl Iterator<Item = (String, Fixture)> {
    fixtures.into_iter().enumerate().map(|(index, fixture)| {
        let id = format!("3EB0{index:06}");
        (id.clone(), fixture.with_id(&id))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn fixtures_are_what_the_libraries_write() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(installed("go"))
        .arg("fixtures")
        .arg(folder.path()));
    run(Command::new("node")
        .current_dir(installed("node"))
        .arg("fixtures.mjs")
        .arg(folder.path()));
    let written = names(folder.path());
    let mut kept = names(&Fixture::root());
    kept.retain(|name| !name.contains("by-hand-"));
    assert_eq!(written, kept);
    for name in written {
        let now = fs::read(folder.path().join(&name)).unwrap();
        assert!(
            now == fs::read(Fixture::root().join(&name)).unwrap(),
            "{name}"
        );
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = titan_tests::sidecar::text_of(&output);
    assert!(output.status.success(), "{command:?}: {text}");
}

fn names(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for gateway in fs::read_dir(folder).unwrap().flatten() {
        for file in fs::read_dir(gateway.path()).into_iter().flatten().flatten() {
            let name = Path::new(&gateway.file_name()).join(file.file_name());
            names.insert(name.to_string_lossy().into_owned());
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_detected_taken_once_and_known_again() {
    let stage = Plan::usual().await.on_demand().up().await;
    for (_, fixture) in numbered(Fixture::all()) {
        let first = taken(&stage, &fixture).await;
        let again = taken(&stage, &fixture).await;
        let count = |data: &Value, name: &str| data[name].as_u64().unwrap();
        // What was derived from a message that it is about has no id of its own to be numbered.
        let messages = count(&first, "accepted") + count(&first, "duplicates");
        assert_eq!(
            messages + count(&first, "ignored"),
            1,
            "{}: {first}",
            fixture.name
        );
        assert_eq!(count(&again, "accepted"), 0, "{}: {again}", fixture.name);
        assert_eq!(
            count(&again, "duplicates"),
            messages,
            "{}: {again}",
            fixture.name
        );
        assert_eq!(first["media"], again["media"], "{}", fixture.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivery_with_a_fresh_path_mends_the_record_of_every_gateway() {
    let stage = Stage::up().await;
    let blob = Bytes::from(hex::decode(BLOB).unwrap());
    let mut waiting = Vec::new();
    for (index, (id, fixture)) in numbered(Fixture::about("image")).enumerate() {
        let gone = taken(
            &stage,
            &fixture.clone().with_file(&format!("gone{index:04}.enc")),
        )
        .await;
        let media = gone["media"][0]["mediaId"].as_str().unwrap().to_owned();
        waiting.push((id, index, media, fixture));
    }
    for (id, index, media, fixture) in waiting {
        let info = stage.reaches(&media, "failed").await;
        assert_eq!(
            info["error"]["code"], "media_expired",
            "{}: {info}",
            fixture.name
        );
        let file = format!("here{index:04}.enc");
        stage.cdn.put_at(&Fixture::direct_path(&file), blob.clone());
        let again = taken(&stage, &fixture.clone().with_file(&file)).await;
        assert_eq!(again["duplicates"], 1, "{}", fixture.name);
        assert_eq!(
            again["media"][0]["mediaId"],
            media.as_str(),
            "{}",
            fixture.name
        );
        let info = stage.reaches(&media, "stored").await;
        assert_eq!(info["sha256"], hex::encode(digest(PLAIN)));
        assert_eq!(
            stage.object(&info).bytes.unwrap(),
            PLAIN,
            "{}",
            fixture.name
        );
        stage.sink.wait_for("message.received", &id, SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn placeholder_of_any_gateway_gives_way_to_content_from_any_other() {
    let stage = Plan::usual().await.on_demand().up().await;
    let images = Fixture::about("image");
    let placeholders = ["stub", "unavailable", "undecryptable", "waiting"]
        .into_iter()
        .flat_map(Fixture::about)
        .collect();
    for (index, (id, placeholder)) in numbered(placeholders).enumerate() {
        assert_eq!(
            taken(&stage, &placeholder).await["accepted"],
            1,
            "{}",
            placeholder.name
        );
        let content = images[index % images.len()].clone().with_id(&id);
        let data = taken(&stage, &content).await;
        assert_eq!(
            data["accepted"], 1,
            "{} after {}",
            content.name, placeholder.name
        );
        // One that will never have content is told too.
        until(SOON, format_args!("{} is told", content.name), || async {
            let told = stage.sink.about(&id);
            told.iter()
                .any(|event| event.json["payload"]["type"] == "image")
        })
        .await;
        // Once there is content, another gateway's word for the same message changes nothing.
        for other in [
            &placeholder,
            &images[(index + 7) % images.len()].clone().with_id(&id),
        ] {
            assert_eq!(taken(&stage, other).await["accepted"], 0, "{}", other.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_under_lid_and_number_is_one_record_over_all_gateways() {
    let stage = Plan::usual().await.on_demand().up().await;
    let mut accepted = 0;
    let mut media = BTreeSet::new();
    for fixture in Fixture::about("image") {
        let data = taken(&stage, &fixture).await;
        accepted += data["accepted"].as_u64().unwrap();
        media.insert(data["media"][0]["mediaId"].as_str().unwrap().to_owned());
    }
    assert_eq!((accepted, media.len()), (1, 1));
    let event = stage
        .sink
        .wait_for("message.received", "3EB0GOLDEN", SOON)
        .await;
    assert_eq!(
        event.json["payload"]["from"]["phoneNumber"],
        "+5511999999999"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_revocations_reactions_and_votes_of_every_gateway_become_events() {
    let stage = Plan::usual().await.on_demand().up().await;
    for (what, event, gateways) in [
        (
            "edit",
            "message.edited",
            &["baileys", "evolution", "waha", "whatsmeow", "wuzapi"][..],
        ),
        (
            "revoke",
            "message.revoked",
            &["baileys", "waha", "whatsmeow", "wuzapi"],
        ),
        ("deleted", "message.revoked", &["evolution"]),
        (
            "reaction",
            "message.reaction",
            &["baileys", "evolution", "waha", "whatsmeow", "wuzapi"],
        ),
        (
            "vote",
            "message.vote",
            &["baileys", "evolution", "waha", "whatsmeow", "wuzapi"],
        ),
    ] {
        let mut seen = BTreeSet::new();
        for fixture in Fixture::about(what) {
            let before = stage.sink.deliveries().len();
            let data = taken(&stage, &fixture.clone().with_id(&fresh())).await;
            if data["accepted"] == 0 {
                continue;
            }
            seen.insert(fixture.gateway().to_owned());
            until(SOON, &fixture.name, || async {
                stage.sink.deliveries().len() > before
            })
            .await;
            let told = stage.sink.deliveries().pop().unwrap();
            assert_eq!(told.event(), event, "{}", fixture.name);
            let payload = &told.json["payload"];
            assert_eq!(
                payload["targetId"], "3EB0TARGET",
                "{}: {payload}",
                fixture.name
            );
        }
        assert_eq!(
            seen.iter().map(String::as_str).collect::<Vec<_>>(),
            gateways,
            "{what}"
        );
    }
}

/// An id that no other fixture of a test has.
fn fresh() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("3EB1{:06}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_whose_chat_evolution_does_not_name_is_ignored_and_not_guessed() {
    let stage = Plan::usual().await.on_demand().up().await;
    for (what, ignored) in [
        ("edited-by-them", 1),
        ("edited-under-a-lid", 1),
        ("edited-was-a-timer", 1),
        ("edited-by-us", 0),
        ("edited-in-a-group", 0),
        ("edited-by-api", 0),
    ] {
        for fixture in Fixture::about(what) {
            assert_eq!(taken(&stage, &fixture).await["ignored"], ignored, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn example_forwarder_hands_every_message_over_in_order() {
    let stage = Plan::usual().await.on_demand().up().await;
    let example = crate_folder().join("../examples/baileys-forwarder/forward.mjs");
    run(Command::new("node")
        .current_dir(installed("node"))
        .arg("forwarder.mjs")
        .arg(example)
        .arg(format!("{}{}", stage.sidecar.url(), Stage::path("inbound")))
        .arg(API_KEY));
    stage
        .sink
        .wait_for("message.received", "3EB0FORWARD2", SOON)
        .await;
    let told = stage.sink.deliveries();
    let order: Vec<_> = told.iter().map(Delivery::message_id).collect();
    assert_eq!(order, ["3EB0FORWARD1", "3EB0FORWARD2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_body_names_every_gateways_switch() {
    let mut plan = Plan::usual().await.on_demand();
    plan.launch
        .args
        .extend(["--inbound-max-bytes".into(), "1000".into()]);
    let stage = plan.up().await;
    for fixture in Fixture::about("image") {
        if fixture.body.len() <= 1000 {
            continue;
        }
        let reply = post(&stage, &fixture).await;
        reply.refused(413, "body_too_large");
        let words = reply.json()["error"].as_str().unwrap().to_owned();
        for switch in [
            "base64: false",
            "WHATSAPP_DOWNLOAD_MEDIA=false",
            "-skipmedia",
        ] {
            assert!(words.contains(switch), "{words}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_faults_are_400_with_the_place_in_their_own_body() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let stage = Plan::usual().await.on_demand().up().await;
    let event = json!({"type": "Message", "event": {"Info": {"Chat": "1@lid"}}});
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("jsonData", &event.to_string())
        .finish();
    let waha =
        json!({"event": "message", "session": "s", "payload": {"_data": {"id": "x"}}}).to_string();
    let evolution = json!({"event": "messages.upsert", "instance": "i", "apikey": "k", "data": {"key": {"id": "A"}}}).to_string();
    for (kind, body, code, pointer) in [
        (FORM, form.as_str(), "missing_id", "/jsonData/event/Info/ID"),
        (FORM, "token=x", "unknown_shape", "/jsonData"),
        ("application/json", &waha, "unknown_shape", "/payload/_data"),
        (
            "application/json",
            &evolution,
            "missing_chat",
            "/data/key/remoteJid",
        ),
    ] {
        let path = Stage::path("inbound");
        let reply = stage
            .api
            .call("POST", &path, &[("content-type", kind)], body)
            .await;
        reply.refused(400, code);
        assert_eq!(reply.json()["pointer"], pointer);
    }
    let path = Stage::path("inbound");
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    stage
        .api
        .call("POST", &path, &headers, "--x\r\n")
        .await
        .refused(400, "malformed_form");
}
