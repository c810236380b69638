//! The device's keys, sealed.

use std::{fs, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;
use titan_relay::{Ended, Peer, Relay};

use crate::{
    program::Program,
    sidecar::Sidecar,
    stage::{OTHER, PHONE, id, text},
};

/// What the first key's file says.
const VALUE: &str = "a value that nobody guesses";

/// A device to be linked, and the folder of its store keys.
struct Scene {
    relay: Relay,
    sidecar: Sidecar,
    directory: TempDir,
    keys: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let scene = Self {
            relay: Relay::start().await.unwrap(),
            sidecar: Sidecar::start(directory.path()),
            directory,
            keys: tempfile::tempdir().unwrap(),
        };
        scene.key("first", VALUE);
        scene
    }

    /// A program that is linked, and ended.
    async fn linked() -> Self {
        let scene = Self::new().await;
        let program = scene.start("first");
        scene.link().await;
        assert!(program.terminate().await.success());
        scene.relay.gone(PHONE).await;
        scene
    }

    async fn link(&self) {
        let code = self.sidecar.event(|event| event["type"] == "qr").await;
        let code = code["code"].as_str().unwrap();
        self.relay.scan(PHONE, code).unwrap();
        self.sidecar.status("CONNECTED", None).await;
        self.relay.listening(PHONE).await;
    }

    fn key(&self, name: &str, value: &str) {
        fs::write(self.keys.path().join(name), value).unwrap();
    }

    fn start(&self, name: &str) -> Program {
        let folder = self.keys.path().to_str().unwrap();
        Program::start_with(
            self.directory.path(),
            &self.relay.url(),
            &["--store-key-dir", folder, "--store-key-name", name],
        )
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Whether a file in the data folder shows words.
    fn shows(&self, words: &str) -> bool {
        let files = fs::read_dir(self.data()).unwrap();
        let words = words.as_bytes();
        files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(words.len()).any(|part| part == words))
    }
}

#[tokio::test]
async fn a_sealed_device_shows_no_numbers_and_goes_on_after_a_kill() {
    let scene = Scene::new().await;
    let program = scene.start("first");
    scene.link().await;
    let peer = Peer::link(&scene.relay, OTHER).await.unwrap();
    peer.send(PHONE, &id(), text("hello")).await.unwrap();
    scene.sidecar.took(1).await;
    // Its log is there too: nothing has been folded in.
    for words in [PHONE, OTHER, "SQLite format 3", "CREATE TABLE"] {
        assert!(!scene.shows(words), "{words}");
    }
    let log = program.kill().await;
    assert!(!log.contains(VALUE));

    peer.send(PHONE, &id(), text("again")).await.unwrap();
    let _program = scene.start("first");
    scene.sidecar.status("CONNECTED", None).await;
    scene.sidecar.took(2).await;
}

#[tokio::test]
async fn a_plain_device_is_sealed_and_a_rotated_key_needs_the_old_one_once() {
    let scene = Scene::new().await;
    let program = Program::start(scene.directory.path(), &scene.relay.url());
    scene.link().await;
    program.kill().await;
    scene.relay.gone(PHONE).await;
    assert!(scene.shows(PHONE));

    for (name, value) in [("first", VALUE), ("second", "another value")] {
        scene.key(name, value);
        let program = scene.start(name);
        scene.sidecar.status("CONNECTED", None).await;
        assert!(!scene.shows(PHONE));
        program.kill().await;
        scene.relay.gone(PHONE).await;
    }
    fs::remove_file(scene.keys.path().join("first")).unwrap();
    let _program = scene.start("second");
    scene.sidecar.status("CONNECTED", None).await;
    assert_eq!(scene.relay.logins(PHONE), 4);
}

#[tokio::test]
async fn a_device_waits_for_its_store_key_and_shows_no_code() {
    let scene = Scene::linked().await;
    fs::remove_file(scene.keys.path().join("first")).unwrap();
    let program = scene.start("first");
    let event = scene.sidecar.status("DISCONNECTED", Some("Failed")).await;
    assert_eq!(event["problem"], "the store key is missing");
    assert!(event["retryAt"].is_string(), "{event}");
    let (status, answer) = program.get("/pair/qr").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!("no_code")));

    scene.key("first", "another value");
    let (_, _) = program.post("/start", &json!(null)).await;
    let event = scene.sidecar.status("DISCONNECTED", Some("Failed")).await;
    assert_eq!(event["problem"], "no store key opens the device's keys");

    scene.key("first", VALUE);
    let (_, _) = program.post("/start", &json!(null)).await;
    scene.sidecar.status("CONNECTED", None).await;
    assert_eq!(scene.relay.logins(PHONE), 2);
    let log = program.kill().await;
    assert!(log.contains("the store key can't be read"), "{log}");
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
    assert!(!log.contains(VALUE));
}

#[tokio::test]
async fn keys_of_an_unlinked_device_are_deleted_and_new_ones_sealed() {
    let scene = Scene::linked().await;
    let program = scene.start("first");
    scene.sidecar.status("CONNECTED", None).await;
    scene.relay.end(PHONE, Ended::Unlinked);
    scene
        .sidecar
        .status("DISCONNECTED", Some("LoggedOut"))
        .await;
    program.post("/start", &json!(null)).await;
    scene.link().await;
    assert!(!scene.shows(PHONE));
}
