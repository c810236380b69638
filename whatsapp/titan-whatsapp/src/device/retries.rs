//! Media retry: the phone is asked to upload a file again, and answers in a second, in a day, or never.

use std::{collections::HashMap, sync::Mutex};

use base64::{Engine, prelude::BASE64_STANDARD};
use wacore::media_retry::{
    MediaRetryResult as Answer, build_media_retry_receipt, encrypt_media_retry_receipt,
    parse_media_retry_notification,
};
use wacore_binary::NodeRef;
use whatsapp_rust::{ClientError, Jid};

use super::shared::{Device, NotConnected, lock};
use crate::sidecar::{Event, MediaRetryResult};

/// Questions that are remembered; the answer to an older one is handed on sealed.
const REMEMBERED: usize = 10_000;

/// What to ask for.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) chat: Jid,
    pub(crate) participant: Option<Jid>,
    pub(crate) from_me: bool,
    pub(crate) media_key: Vec<u8>,
}

/// A question that was not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RetryError {
    /// No connection.
    #[error(transparent)]
    NotConnected(#[from] NotConnected),
    /// The key is none.
    #[error("the question can't be sealed")]
    Seal,
    /// The library could not send it.
    #[error("the question can't be sent")]
    Send(#[source] ClientError),
}

/// Media keys of what was asked, by message id: an answer is sealed with one of them. Chats choose ids without regard to
/// each other, so an id can have more than one.
#[derive(Default)]
pub(crate) struct Retries {
    keys: Mutex<HashMap<String, Vec<Vec<u8>>>>,
}

impl Retries {
    fn remember(&self, id: &str, key: Vec<u8>) {
        let mut keys = lock(&self.keys);
        if keys.len() >= REMEMBERED {
            keys.clear();
        }
        let known = keys.entry(id.to_owned()).or_default();
        if !known.contains(&key) {
            known.push(key);
        }
    }

    fn known(&self, id: &str) -> Vec<Vec<u8>> {
        lock(&self.keys).get(id).cloned().unwrap_or_default()
    }

    fn forget(&self, id: &str, key: &[u8]) {
        let mut keys = lock(&self.keys);
        if let Some(known) = keys.get_mut(id) {
            known.retain(|known| known != key);
            if known.is_empty() {
                keys.remove(id);
            }
        }
    }
}

impl Device {
    /// Asks the phone. The answer comes as an event.
    pub(crate) async fn ask_again(&self, question: Question) -> Result<(), RetryError> {
        let client = self.connected()?;
        let Question {
            id,
            chat,
            participant,
            from_me,
            media_key,
        } = question;
        let device = client.persistence_manager().get_device_snapshot();
        let own = device.pn.as_ref().ok_or(NotConnected)?;
        let (sealed, iv) =
            encrypt_media_retry_receipt(&media_key, &id).map_err(|_| RetryError::Seal)?;
        let receipt =
            build_media_retry_receipt(own, &id, &chat, from_me, participant.as_ref(), &sealed, &iv);
        self.retries.remember(&id, media_key);
        client.send_node(receipt).await.map_err(RetryError::Send)
    }

    /// The phone answers. The library acknowledges that as soon as this returns.
    pub(crate) fn answered(&self, notification: &NodeRef<'_>) {
        let Some(id) = attr(notification, "id") else {
            return;
        };
        let Some(result) = self.result(&id, notification) else {
            return;
        };
        let about = notification.get_optional_child("rmr");
        let about = |name| about.and_then(|about| attr(about, name));
        self.events.tell_and_wait(Event::MediaRetry {
            id,
            chat: about("jid"),
            participant: about("participant"),
            from_me: about("from_me").map(|from_me| from_me == "true"),
            result,
        });
    }

    fn result(&self, id: &str, notification: &NodeRef<'_>) -> Option<MediaRetryResult> {
        if notification.get_optional_child("error").is_some() {
            // No key is needed to read it.
            return Some(opened(notification, &[]).unwrap_or(MediaRetryResult::GeneralError));
        }
        let keys = self.retries.known(id);
        let found = keys
            .iter()
            .find_map(|key| Some((key, opened(notification, key)?)));
        let Some((key, result)) = found else {
            return sealed(notification);
        };
        self.retries.forget(id, key);
        Some(result)
    }
}

/// The answer, where the key opens it.
fn opened(notification: &NodeRef<'_>, key: &[u8]) -> Option<MediaRetryResult> {
    let answer = parse_media_retry_notification(notification, key).ok()?;
    Some(match answer {
        Answer::Success { direct_path } => MediaRetryResult::Success { direct_path },
        Answer::NotFound => MediaRetryResult::NotFound,
        Answer::DecryptionError => MediaRetryResult::DecryptionError,
        Answer::GeneralError => MediaRetryResult::GeneralError,
    })
}

fn sealed(notification: &NodeRef<'_>) -> Option<MediaRetryResult> {
    let parts = notification.get_optional_child("encrypt")?;
    let part =
        |name| Some(BASE64_STANDARD.encode(parts.get_optional_child(name)?.content_bytes()?));
    Some(MediaRetryResult::Sealed {
        ciphertext: part("enc_p")?,
        iv: part("enc_iv")?,
    })
}

fn attr(node: &NodeRef<'_>, name: &str) -> Option<String> {
    node.get_attr(name).map(|value| value.as_str().into_owned())
}
