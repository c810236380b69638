//! A linked WhatsApp device of the session's own, at a WhatsApp in the cluster.

mod kill;
mod link;
mod load;
mod upgrade;

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use titan_tests::api::Api;
use titan_tests::relay::{Relay, direct_path, image, opened};
use titan_tests::wait::now;

use crate::harness::kube::retry;
use crate::harness::peers;
use crate::harness::scene::{SOON, Scene};

/// What webhooks are signed with.
const HMAC_KEY: &str = "a key of the tests";

/// A session with a device of its own, a phone that can link it, and somebody else who writes to that phone.
struct Device {
    scene: Scene,
    whatsapp: Relay,
    phone: String,
    other: String,
}

// === impl Device ===

impl Device {
    /// The session `default`, Ready, with a device that nobody linked yet.
    async fn new(scene: Scene) -> Self {
        let whatsapp = peers::whatsapp(scene.kube()).await;
        let device = Self {
            scene,
            whatsapp,
            phone: number(),
            other: number(),
        };
        let mut secret = device.scene.secret();
        secret["stringData"]["hmacKey"] = json!(HMAC_KEY);
        let mut session = device.scene.session("default");
        session["spec"]["source"] = json!({"whatsapp": {}});
        session["spec"]["webhooks"][0]["hmacKeySecretRef"] =
            json!({"name": "acme-s3", "key": "hmacKey"});
        let documents = [secret, device.scene.storage(), session];
        device.scene.kube().apply(&documents).await;
        device.scene.ready("default").await;
        device
    }

    /// The code that the Service shows.
    async fn code(&self) -> String {
        let api = self.api().await;
        let shown = retry(SOON, "a code is shown", async || {
            let path = "/api/sessions/default/pair/qr";
            let reply = api.try_call("GET", path, &[], b"").await.ok()?;
            (reply.status == 200).then(|| reply.data())
        });
        let shown = shown.await;
        shown["qr"].as_str().unwrap_or_default().to_owned()
    }

    /// The phone scans the code. Returns the code once the session says that the device is connected, and others can
    /// write to it.
    async fn link(&self) -> String {
        let code = self.code().await;
        self.whatsapp.scan(&self.phone, &code).await;
        self.says("True", "Connected").await;
        self.whatsapp.listening(&self.phone).await;
        self.whatsapp.peer(&self.other).await;
        code
    }

    /// Waits until `SessionConnected` is so.
    async fn says(&self, status: &str, reason: &str) -> Value {
        let session = self.scene.msess("default");
        let kind = "SessionConnected";
        self.scene.until(&session, kind, status, reason).await
    }

    async fn api(&self) -> Api {
        self.scene.api("default").await
    }

    /// How often the device logged in. WhatsApp never had two connections of it.
    async fn logins(&self) -> u64 {
        let phone = self.whatsapp.phone(&self.phone).await;
        assert_eq!(phone["linked"], true, "{phone}");
        assert_eq!(phone["replaced"], 0, "{phone}");
        phone["logins"].as_u64().unwrap_or_default()
    }

    /// Waits until the device has logged in more than `before` times, and listens.
    async fn logs_in_again(&self, before: u64) {
        retry(SOON, "the device logs in again", async || {
            (self.logins().await > before).then_some(())
        })
        .await;
        self.whatsapp.listening(&self.phone).await;
    }

    /// The other side sends an image: it is in the bucket, and a signed webhook tells of it.
    async fn takes_an_image(&self, id: &str) {
        let (sealed, path) = self.scene.file(100_000).await;
        let message = image(&sealed, &path);
        let (from, to) = (&self.other, &self.phone);
        self.whatsapp.send(from, to, id, &message).await;
        let event = self.scene.stored(id, &sealed).await;
        let deliveries = self.scene.peer.deliveries(&self.scene.hook()).await;
        let mut same = deliveries
            .iter()
            .filter(|taken| taken.json["id"] == event["id"]);
        assert!(same.all(|taken| taken.signed_by(HMAC_KEY.as_bytes())));
    }

    /// The session sends an image: the other side has it, and its file from the CDN.
    async fn sends_an_image(&self, key: &str) {
        let (random, _) = self.scene.file(60_000).await;
        let picture = [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", &random.plain[..]].concat();
        let message = json!({
            "chatId": self.chat(), "type": "image", "base64": STANDARD.encode(&picture),
        });
        let api = self.api().await;
        let headers = [("idempotency-key", key)];
        let sent = retry(SOON, "the image is sent", async || {
            let reply = send(&api, &headers, &message).await?;
            (reply.0 == 200).then_some(reply.1)
        });
        let sent = sent.await;
        let message = loop {
            let (id, message) = self.whatsapp.next(&self.other).await;
            if sent["id"] == id.as_str() {
                break message;
            }
        };
        let kube = self.scene.kube();
        let blob = self.scene.peer.blob(kube, direct_path(&message)).await;
        assert!(opened(&message, &blob) == picture, "another file arrived");
    }

    /// The chat with the other side.
    fn chat(&self) -> String {
        format!("{}@s.whatsapp.net", self.other)
    }
}

/// Posts a message to send: the status, and `data`; `None` where there was no answer.
async fn send(api: &Api, headers: &[(&str, &str)], message: &Value) -> Option<(u16, Value)> {
    let headers = [&[("content-type", "application/json")], headers].concat();
    let body = message.to_string();
    let reply = api.try_call("POST", "/api/messages/send", &headers, body);
    let reply = reply.await.ok()?;
    Some((reply.status, reply.data()))
}

/// A number that no other phone has: all tests, and all runs, share one WhatsApp.
fn number() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("49{:08}{serial:03}", now().as_second() % 100_000_000)
}
