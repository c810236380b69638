//! A server, a sidecar, a program, and somebody who writes to it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use tempfile::TempDir;
use titan_relay::{Peer, Relay};
use waproto::{
    codec::message_decode,
    whatsapp::{Message, message::ImageMessage},
};

use crate::{program::Program, sidecar::Sidecar};

/// Whose device the program is.
pub(crate) const PHONE: &str = "491701234512";

/// Who writes to it.
pub(crate) const OTHER: &str = "491709876543";

/// All of it.
pub(crate) struct Stage {
    pub(crate) relay: Relay,
    pub(crate) sidecar: Sidecar,
    pub(crate) program: Program,
    pub(crate) directory: TempDir,
}

impl Stage {
    /// A program that nobody linked yet.
    pub(crate) async fn new() -> Self {
        Self::with_codes(6).await
    }

    /// The same, where the server lets it show only so many codes.
    pub(crate) async fn with_codes(codes: usize) -> Self {
        let relay = Relay::start().await.unwrap();
        relay.codes(codes);
        let directory = tempfile::tempdir().unwrap();
        let sidecar = Sidecar::start(directory.path());
        let program = Program::start(directory.path(), &relay.url());
        // It speaks once it listens.
        sidecar.event(|event| event["type"] == "status").await;
        Self {
            relay,
            sidecar,
            program,
            directory,
        }
    }

    /// A program whose code a phone scanned.
    pub(crate) async fn linked() -> Self {
        let stage = Self::new().await;
        let code = stage.code().await;
        stage.relay.scan(PHONE, &code).unwrap();
        stage.sidecar.status("CONNECTED", None).await;
        stage.relay.listening(PHONE).await;
        stage
    }

    /// The same, and somebody who can write to it.
    pub(crate) async fn with_peer() -> (Self, Peer) {
        let stage = Self::linked().await;
        let peer = Peer::link(&stage.relay, OTHER).await.unwrap();
        (stage, peer)
    }

    /// The code that the program shows.
    pub(crate) async fn code(&self) -> String {
        self.sidecar.event(|event| event["type"] == "qr").await;
        let (status, answer) = self.program.get("/pair/qr").await;
        assert_eq!(status, 200, "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    /// Kills the program and starts it again.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            relay,
            sidecar,
            program,
            directory,
        } = self;
        program.kill().await;
        let program = Program::start(directory.path(), &relay.url());
        Self {
            relay,
            sidecar,
            program,
            directory,
        }
    }

    /// Where the program keeps the device.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// An id that no other message has.
pub(crate) fn id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("3EB0{:016X}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Words.
pub(crate) fn text(words: &str) -> Message {
    Message {
        conversation: Some(words.to_owned()),
        ..Default::default()
    }
}

/// A picture that lies somewhere.
pub(crate) fn image() -> Message {
    let image = ImageMessage {
        url: Some("https://mmg.whatsapp.net/v/t62.7118-24/1?ccb=1".to_owned()),
        direct_path: Some("/v/t62.7118-24/1?ccb=1".to_owned()),
        mimetype: Some("image/jpeg".to_owned()),
        caption: Some("a picture".to_owned()),
        media_key: Some(vec![7; 32]),
        file_sha256: Some(vec![8; 32]),
        file_enc_sha256: Some(vec![9; 32]),
        file_length: Some(1234),
        ..Default::default()
    };
    Message {
        image_message: waproto::buffa::MessageField::some(image),
        ..Default::default()
    }
}

/// The protobuf that an envelope carries.
pub(crate) fn content(envelope: &Value) -> Message {
    let bytes = BASE64_STANDARD
        .decode(envelope["message"].as_str().unwrap())
        .unwrap();
    message_decode(&bytes).unwrap()
}
