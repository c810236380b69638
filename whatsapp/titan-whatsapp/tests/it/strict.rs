//! The program as it is released, which believes WhatsApp alone. `test.sh` builds it and says where it is.

use std::path::PathBuf;

use crate::{
    program::Program,
    sidecar::Sidecar,
    stage::{PHONE, Stage, id, text},
};
use titan_relay::{Peer, Relay};

fn strict() -> Option<PathBuf> {
    let program = std::env::var_os("TITAN_WHATSAPP_STRICT").map(PathBuf::from);
    if program.is_none() {
        eprintln!("skipped: TITAN_WHATSAPP_STRICT names no program; see test.sh");
    }
    program
}

#[tokio::test]
async fn a_linked_device_goes_on_with_the_released_program() {
    let Some(strict) = strict() else { return };
    let (stage, peer) = Stage::with_peer().await;
    let Stage {
        relay,
        sidecar,
        program,
        directory,
    } = stage;
    program.kill().await;
    relay.gone(PHONE).await;
    let late = id();
    peer.send(PHONE, &late, text("hello")).await.unwrap();

    let program = Program::start_as(&strict, directory.path(), &relay.url());
    sidecar.status("CONNECTED", None).await;
    assert_eq!(sidecar.took(1).await[0]["id"], late);
    relay.waits(PHONE, 0).await;
    assert!(program.terminate().await.success());
}

#[tokio::test]
async fn the_released_program_shows_no_code_of_a_server_that_nobody_vouches_for() {
    let Some(strict) = strict() else { return };
    let relay = Relay::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(directory.path());
    let program = Program::start_as(&strict, directory.path(), &relay.url());
    let event = sidecar.status("CONNECTING", Some("AutoReconnect")).await;
    assert_eq!(event["failures"], 1);
    let (status, answer) = program.get("/pair/qr").await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &"no_code".into()));
    // The same server, and a device that believes it.
    Peer::link(&relay, PHONE).await.unwrap();
}
