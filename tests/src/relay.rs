//! A WhatsApp of our own, on loopback or in a pod, and the program that holds a linked device: programs of the workspace
//! `whatsapp/`, which are run and not linked (their licence is another one).

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use serde_json::{Value, json};
use titan_media::{Decryptor, Expected, MediaKey, MediaKeys, MediaType};

use crate::api::Api;
use crate::cache::installed;
use crate::media::{Kind, Sealed};
use crate::wait::{LATER, until};
use waproto::buffa::Message as _;
use waproto::whatsapp::{
    Message,
    message::{HistorySyncNotification, ImageMessage},
};

/// A program of the folder that `servers/whatsapp.sh` builds.
fn program(name: &str) -> PathBuf {
    installed("whatsapp").join(name)
}

/// WhatsApp's server, phones and other people's devices. One that was started here ends with this value.
#[derive(Debug)]
pub struct Relay {
    child: Option<Child>,
    url: String,
    control: Api,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

// === impl Relay ===

impl Relay {
    /// Starts it on ports of its own.
    #[must_use]
    pub fn start() -> Self {
        let mut child = Command::new(program("debug/titan-relay"))
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let place = |name: &str| said[name].as_str().unwrap();
        let mut relay = Self::at(place("url"), place("control"));
        relay.child = Some(child);
        relay
    }

    /// One that runs already: where devices find it, and its control.
    #[must_use]
    pub fn at(url: &str, control: &str) -> Self {
        Self {
            child: None,
            url: url.to_owned(),
            control: Api::new(control),
        }
    }

    /// A program in `folder` that holds a device at this server, for `--whatsapp-program`.
    #[must_use]
    pub fn program(&self, folder: &Path) -> PathBuf {
        let file = folder.join("titan-whatsapp");
        let program = program("debug/titan-whatsapp");
        let script = format!(
            "#!/bin/sh\nexec '{}' \"$@\" --endpoint '{}'\n",
            program.display(),
            self.url
        );
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// A phone scans a code.
    pub async fn scan(&self, phone: &str, code: &str) {
        let body = json!({"phone": phone, "code": code});
        self.control.post_json("/scan", &body).await.expect(200);
    }

    /// Somebody types a code on the phone.
    pub async fn type_in(&self, phone: &str, code: &str) {
        let body = json!({"phone": phone, "code": code});
        self.control.post_json("/type", &body).await.expect(200);
    }

    /// Somebody else's device: once it is linked, it can be written to.
    pub async fn peer(&self, phone: &str) {
        let body = json!({"phone": phone});
        self.control.post_json("/peers", &body).await.expect(200);
    }

    /// Somebody else writes to a number.
    pub async fn send(&self, from: &str, to: &str, id: &str, message: &Message) {
        let message = STANDARD.encode(waproto::codec::message_to_vec(message));
        let body = json!({"to": to, "id": id, "message": message});
        let path = format!("/peers/{from}/send");
        self.control.post_json(&path, &body).await.expect(200);
    }

    /// The next message that somebody else gets: its id and what it says.
    pub async fn next(&self, phone: &str) -> (String, Message) {
        let path = format!("/peers/{phone}/next?wait=30");
        let next = self.control.get(&path).await.expect(200).json();
        let bytes = STANDARD.decode(next["message"].as_str().unwrap()).unwrap();
        let id = next["id"].as_str().unwrap().to_owned();
        (id, waproto::codec::message_decode(&bytes).unwrap())
    }

    /// What the server knows of a phone's device.
    pub async fn phone(&self, phone: &str) -> Value {
        let path = format!("/phones/{phone}");
        self.control.get(&path).await.expect(200).json()
    }

    /// Waits until a phone's device can be written to.
    pub async fn listening(&self, phone: &str) {
        let what = format!("the device of {phone} listens");
        until(LATER, what, || async {
            self.phone(phone).await["listening"] == true
        })
        .await;
    }

    /// The server ends the connection of a phone's device: `unlinked`, `banned`, `replaced`, …
    pub async fn end(&self, phone: &str, reason: &str) {
        let body = json!({"phone": phone, "reason": reason});
        self.control.post_json("/end", &body).await.expect(200);
    }

    /// What a phone says when it is asked for the file of a message again, which is at `path` then, or
    /// not there any more.
    pub async fn answer(&self, id: &str, sealed: &Sealed, path: Option<&str>) {
        let key = STANDARD.encode(sealed.key);
        let body = json!({"id": id, "mediaKey": key, "directPath": path});
        self.control("/media-retries", &body).await;
    }

    /// Waits until a phone is asked for the file of a message.
    pub async fn asked(&self, id: &str) {
        let path = format!("/asked/{id}");
        until(
            LATER,
            format_args!("the phone is asked for {id}"),
            || async { self.control.get(&path).await.expect(200).json()["asked"] == true },
        )
        .await;
    }

    /// The phone offers its device some of the chats' history.
    pub async fn offer_history(&self, phone: &str, id: &str, offer: &HistorySyncNotification) {
        let notification = STANDARD.encode(offer.encode_to_vec());
        let body = json!({"phone": phone, "id": id, "notification": notification});
        self.control.post_json("/history", &body).await.expect(200);
    }

    /// Waits until the device said that it has what was offered.
    pub async fn history_taken(&self, id: &str) {
        until(LATER, format!("history {id} is taken"), || async {
            let path = format!("/history/{id}");
            self.control.get(&path).await.expect(200).json()["taken"] == true
        })
        .await;
    }

    /// Makes a call of the control API.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        self.control.post_json(path, body).await.expect(200).json()
    }
}

/// Words, as they are sent.
#[must_use]
pub fn text(words: &str) -> Message {
    Message {
        conversation: Some(words.to_owned()),
        ..Message::default()
    }
}

/// An image, as it is sent.
#[must_use]
pub fn image(sealed: &Sealed, direct_path: &str) -> Message {
    assert_eq!(sealed.kind, Kind::Image);
    let image = ImageMessage {
        direct_path: Some(direct_path.to_owned()),
        mimetype: Some("image/jpeg".to_owned()),
        media_key: Some(sealed.key.to_vec()),
        file_sha256: Some(sealed.sha256.to_vec()),
        file_enc_sha256: Some(crate::media::digest(&sealed.blob).to_vec()),
        file_length: Some(sealed.plain.len() as u64),
        ..ImageMessage::default()
    };
    Message {
        image_message: waproto::buffa::MessageField::some(image),
        ..Message::default()
    }
}

/// The file of an image that was sent, decrypted out of what the CDN has at [`direct_path`].
#[must_use]
pub fn opened(message: &Message, blob: &[u8]) -> Vec<u8> {
    let image = &message.image_message;
    let hash = |hash: &Option<Vec<u8>>| hash.clone().map(|hash| hash.try_into().unwrap());
    let key = image.media_key.clone().unwrap().try_into().unwrap();
    let keys = MediaKeys::derive(&MediaKey(key), MediaType::Image);
    let expected = Expected {
        sha256: hash(&image.file_sha256),
        enc_sha256: hash(&image.file_enc_sha256),
        length: image.file_length.unwrap(),
    };
    let (mut decryptor, mut plain) = (Decryptor::encrypted(&keys, expected), BytesMut::new());
    decryptor.push(blob, &mut plain).unwrap();
    decryptor.finish(&mut plain).unwrap();
    plain.to_vec()
}

/// Where the file of an image that was sent lies on the CDN.
#[must_use]
pub fn direct_path(message: &Message) -> &str {
    message.image_message.direct_path.as_deref().unwrap()
}
