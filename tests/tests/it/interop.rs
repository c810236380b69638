//! Real clients: Baileys and whatsmeow encrypt with their own code and post their own messages;
//! what Titan encrypts, both decrypt.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use titan_media::{MediaKey, MediaType, encrypt};
use titan_tests::cache::installed;
use titan_tests::cdn::Cdn;
use titan_tests::random::Random;
use titan_tests::s3::{Program, S3};
use titan_tests::stage::{BUCKET, Plan, Stage};
use titan_tests::wait::{LATER, SOON, eventually};

/// One call that a gateway makes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    name: String,
    query: BTreeMap<String, String>,
    content_type: String,
    body: String,
    message_id: String,
    expected: Vec<Fact>,
}

/// A file that the message must be found to carry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fact {
    kind: String,
    length: u64,
    sha256: String,
    /// The message whose record it must share.
    same_as: Option<String>,
}

/// A blob of the CDN.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    direct_path: String,
    file: String,
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    let text = titan_tests::sidecar::text_of(&output);
    assert!(output.status.success(), "{command:?}: {text}");
    print!("{text}");
}

fn baileys(script: &str, args: &[&Path]) {
    let folder = installed("node");
    done(
        Command::new("node")
            .current_dir(folder)
            .arg(script)
            .args(args),
    );
}

fn whatsmeow(args: &[&Path]) {
    done(Command::new(installed("go")).args(args));
}

/// Posts every call that `folder` holds and compares the bucket with the originals.
async fn everything_arrives(folder: &Path) {
    let s3 = S3::start(Program::Versitygw, BUCKET).await;
    let mut plan = Plan::usual()
        .await
        .spec("autoPersist.chats", json!({"newsletter": true}));
    plan.storage = plan.storage.spec("endpoint", s3.url());
    let stage = plan.up().await;
    for blob in read::<Vec<Blob>>(&folder.join("cdn.json")) {
        let bytes = fs::read(folder.join(blob.file)).unwrap();
        stage.cdn.put_at(&blob.direct_path, bytes.into());
    }
    let calls: Vec<Call> = read(&folder.join("requests.json"));
    assert!(calls.len() > 100, "{}", calls.len());
    let mut records = BTreeMap::new();
    let mut faults = Vec::new();
    for call in &calls {
        match post(&stage, folder, call).await {
            Ok(media) => {
                records.insert(call.message_id.clone(), media);
            }
            Err(fault) => faults.push(format!("{}: {fault}", call.name)),
        }
    }
    for call in &calls {
        let Some(media) = records.get(&call.message_id) else {
            continue;
        };
        if let Err(fault) = compare(&stage, &s3, call, media, &records).await {
            faults.push(format!("{}: {fault}", call.name));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {} calls:\n{}",
        faults.len(),
        calls.len(),
        faults.join("\n")
    );
}

/// Posts one call; returns its media ids.
async fn post(stage: &Stage, folder: &Path, call: &Call) -> Result<Vec<String>, String> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&call.query)
        .finish();
    let path = Stage::path(&format!("inbound?{query}"));
    let body = fs::read(folder.join(&call.body)).unwrap();
    let headers = [("content-type", call.content_type.as_str())];
    let reply = stage.api.call("POST", &path, &headers, &body).await;
    if reply.status != 202 {
        return Err(format!("{} {}", reply.status, reply.json()));
    }
    let data = reply.data();
    if data["accepted"] != 1 {
        return Err(format!("not taken: {data}"));
    }
    // The shape must be found without being named too: the redelivery is known.
    if call.query["format"] != "protobuf-message" {
        let detected = stage
            .api
            .call("POST", &Stage::path("inbound"), &headers, &body)
            .await;
        if detected.status != 202 || detected.data()["duplicates"] != 1 {
            return Err(format!(
                "not detected: {} {}",
                detected.status,
                detected.json()
            ));
        }
    }
    let media = data["media"].as_array().unwrap();
    Ok(media
        .iter()
        .map(|one| one["mediaId"].as_str().unwrap().to_owned())
        .collect())
}

async fn compare(
    stage: &Stage,
    s3: &S3,
    call: &Call,
    media: &[String],
    records: &BTreeMap<String, Vec<String>>,
) -> Result<(), String> {
    if media.len() != call.expected.len() {
        return Err(format!(
            "{} files instead of {}",
            media.len(),
            call.expected.len()
        ));
    }
    for (fact, media) in call.expected.iter().zip(media) {
        if let Some(first) = &fact.same_as
            && records.get(first).and_then(|ids| ids.first()) != Some(media)
        {
            return Err(format!("not linked to the file of {first}"));
        }
        let info: Value = eventually(
            LATER,
            format_args!("{} has an outcome", call.name),
            || async {
                let info = stage.info(media).await;
                matches!(info["status"].as_str(), Some("stored" | "failed")).then_some(info)
            },
        )
        .await;
        let found = info["key"]
            .as_str()
            .and_then(|key| s3.on_disk(key))
            .unwrap_or_default();
        let hash = hex::encode(titan_tests::media::digest(&found));
        if info["status"] != "stored"
            || info["kind"] != fact.kind.as_str()
            || hash != fact.sha256
            || found.len() as u64 != fact.length
        {
            return Err(format!(
                "{fact:?} became {info}, {} bytes of {hash}",
                found.len()
            ));
        }
    }
    let event = if call.name.starts_with("edited") && !call.name.starts_with("edited-original") {
        "message.edited"
    } else {
        "message.received"
    };
    // A wrapper that marks an edit makes it one, whatever else it carries.
    if !call.name.starts_with("wrapper-edited") {
        stage.sink.wait_for(event, &call.message_id, SOON).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_messages_of_baileys_arrive_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    baileys("encrypt.mjs", &[folder.path()]);
    everything_arrives(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_messages_of_whatsmeow_arrive_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    whatsmeow(&[Path::new("encrypt"), folder.path()]);
    everything_arrives(folder.path()).await;
}

/// Files of Titan's own making on a CDN: the list that both decryptors read.
fn sealed_by_titan(cdn: &Cdn, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut random = Random::for_run("interop", 9);
    let (mut originals, mut list) = (BTreeMap::new(), Vec::new());
    let types = [
        (MediaType::Image, "image"),
        (MediaType::Video, "video"),
        (MediaType::Audio, "audio"),
        (MediaType::Document, "document"),
        (MediaType::Sticker, "sticker"),
    ];
    for (media_type, name) in types {
        for length in [
            0,
            1,
            15,
            16,
            17,
            65_519,
            65_536,
            65_537,
            1_048_576,
            20 * 1024 * 1024,
        ] {
            if length > 2_000_000 && name != "video" {
                continue;
            }
            let plain = random.bytes(length);
            let key = random.key();
            let sealed = encrypt(&MediaKey(key), media_type, &plain);
            let direct_path = cdn.put(&sealed.blob.into());
            let file = format!("{name}-{length}");
            list.push(json!({
                "name": file,
                "type": name,
                "directPath": direct_path,
                "mediaKey": STANDARD.encode(key),
                "sha256": STANDARD.encode(sealed.sha256),
                "encSha256": STANDARD.encode(sealed.enc_sha256),
                "length": length,
            }));
            originals.insert(file, plain);
        }
    }
    fs::write(
        folder.join("files.json"),
        serde_json::to_vec(&list).unwrap(),
    )
    .unwrap();
    originals
}

async fn both_decrypt(decrypt: impl FnOnce(&Path, &Path, &Path)) {
    let (cdn, folder) = (Cdn::start().await, tempfile::tempdir().unwrap());
    let originals = sealed_by_titan(&cdn, folder.path());
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let url = cdn.url();
    tokio::task::block_in_place(|| {
        decrypt(Path::new(&url), &folder.path().join("files.json"), &out);
    });
    for (name, plain) in originals {
        assert!(fs::read(out.join(&name)).unwrap() == plain, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baileys_decrypts_what_titan_encrypts() {
    both_decrypt(|origin, list, out| baileys("decrypt.mjs", &[origin, list, out])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatsmeow_decrypts_what_titan_encrypts() {
    both_decrypt(|origin, list, out| whatsmeow(&[Path::new("decrypt"), origin, list, out])).await;
}
