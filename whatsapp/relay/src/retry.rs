//! Media retry: a device asks the phone for a file again, and the phone answers when it likes.

use std::collections::{HashMap, HashSet};

use buffa::Message;
use wacore::{crypto::hkdf_sha256_into, libsignal::crypto::aes_256_gcm_encrypt};
use wacore_binary::{Jid, Node, builder::NodeBuilder};
use waproto::whatsapp::{MediaRetryNotification, media_retry_notification::ResultType};

use crate::{
    stanza::{self, attr, jid},
    state::{Address, Known},
};

/// The phone's answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) media_key: Vec<u8>,
    /// Where the file is again; `None` when the phone doesn't have it.
    pub(crate) direct_path: Option<String>,
}

/// A question.
#[derive(Debug)]
pub(crate) struct Asked {
    by: Address,
    pub(crate) chat: Jid,
    /// What it says of the message; the answer says the same.
    about: Node,
}

/// Who asked for what, and what phones will answer.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    pub(crate) asked: HashMap<String, Asked>,
    /// Every message that was asked for, answered or not.
    pub(crate) ever: HashSet<String>,
    pub(crate) answers: HashMap<String, Answer>,
}

/// A device asks.
pub(crate) fn asked(known: &mut Known, me: &Address, receipt: &Node) -> Vec<Node> {
    let id = attr(receipt, "id").unwrap_or_default();
    if let Some(about) = receipt.get_optional_child("rmr")
        && let Some(chat) = jid(about, "jid")
    {
        let asked = Asked {
            by: me.clone(),
            chat,
            about: about.clone(),
        };
        known.retries.asked.insert(id.clone(), asked);
        known.retries.ever.insert(id.clone());
    }
    deliver(known, &id);
    vec![stanza::ack(receipt)]
}

/// Delivers an answer once there is a question for it.
pub(crate) fn deliver(known: &mut Known, id: &str) {
    if !known.retries.answers.contains_key(id) {
        return;
    }
    let Some(asked) = known.retries.asked.remove(id) else {
        return;
    };
    if let Some(answer) = known.retries.answers.remove(id)
        && let Some(device) = known.device(&asked.by)
    {
        device.deliver(notification(id, &asked, &answer));
    }
}

fn notification(id: &str, asked: &Asked, answer: &Answer) -> Node {
    let told = MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        result: Some(if answer.direct_path.is_some() {
            ResultType::SUCCESS
        } else {
            ResultType::NOT_FOUND
        }),
        direct_path: answer.direct_path.clone(),
        ..Default::default()
    };
    let mut key = [0; 32];
    hkdf_sha256_into(
        &answer.media_key,
        None,
        b"WhatsApp Media Retry Notification",
        &mut key,
    )
    .unwrap();
    let iv: [u8; 12] = rand::random();
    let mut sealed = Vec::new();
    aes_256_gcm_encrypt(&key, &iv, id.as_bytes(), &told.encode_to_vec(), &mut sealed).unwrap();

    let encrypt = NodeBuilder::new("encrypt")
        .children([
            NodeBuilder::new("enc_p").bytes(sealed).build(),
            NodeBuilder::new("enc_iv").bytes(iv.to_vec()).build(),
        ])
        .build();
    NodeBuilder::new("notification")
        .attr("type", "mediaretry")
        .attr("from", &asked.chat)
        .attr("id", id)
        .attr("t", stanza::now())
        .children([encrypt, asked.about.clone()])
        .build()
}
