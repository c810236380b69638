//! Messages both ways while a session's pod is replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use titan_tests::api::Api;
use titan_tests::relay::text;

use super::{Device, send};
use crate::harness::kube::{retry, wait_until};
use crate::harness::peers::about;
use crate::harness::scene::{SOON, SYNC};

/// What was on its way while pods were replaced.
#[derive(Default)]
pub(super) struct Load {
    /// Ids of messages that the other side wrote.
    written: Vec<String>,
    /// Words that the session took to send.
    taken: Vec<String>,
}

// === impl Load ===

impl Load {
    /// Deletes the pod, and has both sides write one message after the other until its successor's device has logged in.
    pub(super) async fn replace(&mut self, device: &Device, how: &[&str]) {
        let before = device.logins().await;
        let pods = device.scene.pods("default").await;
        let old = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
        let args = ["delete", "pod", old, "-n", &device.scene.namespace];
        let args = [&args[..], how].concat();
        let api = device.api().await;
        for _ in 0..3 {
            self.write(device, &api).await;
        }
        device.scene.kube().kubectl(&args).await.expect();
        retry(SYNC, "the successor's device has logged in", async || {
            self.write(device, &api).await;
            (device.logins().await > before).then_some(())
        })
        .await;
        device.whatsapp.listening(&device.phone).await;
    }

    /// One message from the other side, and one to it, if the session takes it.
    async fn write(&mut self, device: &Device, api: &Api) {
        let id = format!("3EB0LOAD{}", self.written.len());
        let (from, to) = (&device.other, &device.phone);
        device.whatsapp.send(from, to, &id, &text("in")).await;
        self.written.push(id);

        let words = format!("out {}", self.written.len());
        let message = json!({"chatId": device.chat(), "type": "text", "text": words});
        let headers = [("prefer", "respond-async"), ("idempotency-key", &words)];
        let reply = send(api, &headers, &message).await;
        if reply.is_some_and(|(status, _)| status == 202) {
            self.taken.push(words);
        }
    }

    /// Nothing of it is lost, and nothing came twice.
    pub(super) async fn all_arrived(&self, device: &Device) {
        each_was_told_once(device, &self.written).await;
        each_arrived_once(device, &self.taken).await;
        wait_until(SOON, "WhatsApp has nothing more to deliver", async || {
            device.whatsapp.phone(&device.phone).await["waiting"] == json!([])
        })
        .await;
        // Of one device, at most one connection at any time.
        device.logins().await;
    }
}

/// Each message has events of one id.
async fn each_was_told_once(device: &Device, ids: &[String]) {
    let hook = device.scene.hook();
    for id in ids {
        device.scene.peer.event(&hook, "message.received", id).await;
    }
    let mut events = BTreeMap::<_, BTreeSet<_>>::new();
    for taken in device.scene.peer.deliveries(&hook).await {
        if taken.json["event"] == "message.received" {
            let about = about(&taken.json).to_owned();
            let id = taken.json["id"].to_string();
            events.entry(about).or_default().insert(id);
        }
    }
    for id in ids {
        assert_eq!(events[id].len(), 1, "{id} came as {:?}", events[id]);
    }
}

/// The other side has each text, and each under one id.
async fn each_arrived_once(device: &Device, taken: &[String]) {
    assert!(!taken.is_empty(), "nothing was taken under load");
    let api = device.api().await;
    let last = json!({"chatId": device.chat(), "type": "text", "text": "last"});
    let headers = [("prefer", "respond-async"), ("idempotency-key", "last")];
    retry(SOON, "the last one is taken", async || {
        let reply = send(&api, &headers, &last).await?;
        (reply.0 == 202).then_some(())
    })
    .await;
    let mut arrived = BTreeMap::<_, BTreeSet<_>>::new();
    // In whatever order the other side's device could read them.
    let mut missing: BTreeSet<_> = taken.iter().map(String::as_str).chain(["last"]).collect();
    while !missing.is_empty() {
        let (id, message) = device.whatsapp.next(&device.other).await;
        let words = message.conversation.unwrap_or_default();
        missing.remove(words.as_str());
        arrived.entry(words).or_default().insert(id);
    }
    // One whose answer was lost was taken too. One that was on its way when its pod died came again under its id, and
    // is one message to a phone.
    for (words, ids) in &arrived {
        assert_eq!(ids.len(), 1, "{words} came as {ids:?}");
    }
}
