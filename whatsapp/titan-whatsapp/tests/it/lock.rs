//! One process at a time holds a device.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    program::Program,
    stage::{PHONE, Stage},
};

#[tokio::test]
async fn a_second_process_waits_for_the_first() {
    let stage = Stage::linked().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let sidecar = crate::sidecar::Sidecar::start(elsewhere.path());
    let mut second = Command::new(env!("CARGO_BIN_EXE_titan-whatsapp"))
        .args(["run", "--endpoint", &stage.relay.url()])
        .env("TITAN_SOCKET_DIR", elsewhere.path())
        .env("TITAN_DATA_DIR", stage.data())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(second.stderr.take().unwrap()).lines();
    let line = log.next_line().await.unwrap().unwrap();
    assert!(line.contains("another process holds the device"), "{line}");
    assert!(!elsewhere.path().join("whatsapp.sock").exists());
    assert_eq!(stage.relay.logins(PHONE), 1);

    stage.program.kill().await;
    sidecar.status("CONNECTED", None).await;
    assert_eq!(stage.relay.logins(PHONE), 2);
    assert_eq!(stage.relay.replaced(PHONE), 0);
}

/// What the lock is against, and what tests elsewhere look for in vain.
#[tokio::test]
async fn a_process_with_a_copy_of_the_keys_throws_the_first_one_out() {
    let stage = Stage::linked().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("data");
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(stage.data()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let sidecar = crate::sidecar::Sidecar::start(elsewhere.path());
    let _second = Program::start(elsewhere.path(), &stage.relay.url());
    sidecar.status("CONNECTED", None).await;
    let first = &stage.sidecar;
    first.status("DISCONNECTED", Some("StreamReplaced")).await;
    assert_eq!(stage.relay.replaced(PHONE), 1);
}

#[tokio::test]
async fn what_cant_be_run_exits_with_64() {
    let run = |args: &'static [&'static str]| async move {
        let mut command = Command::new(env!("CARGO_BIN_EXE_titan-whatsapp"));
        let ended = command.args(args).output().await.unwrap();
        (
            ended.status.code(),
            String::from_utf8(ended.stderr).unwrap(),
        )
    };
    let (code, words) = run(&["run"]).await;
    assert_eq!(code, Some(64), "{words}");
    for wrong in [
        ["--device-name", ""],
        ["--client-version", "2"],
        ["--endpoint", "http://127.0.0.1"],
        ["--store-key-dir", "/nonexistent"],
        ["--store-key-name", "key"],
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_titan-whatsapp"))
            .args([
                "run",
                "--socket-dir",
                "/nonexistent",
                "--data-dir",
                "/nonexistent",
            ])
            .args(wrong)
            .output()
            .await
            .unwrap();
        assert_eq!(ended.status.code(), Some(64), "{wrong:?}");
        let words = String::from_utf8(ended.stderr).unwrap();
        assert!(words.contains(wrong[0]), "{words}");
    }
}
