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

/// Media keys of what was asked, by message id: an answer is sealed with them.
#[derive(Default)]
pub(crate) struct Retries {
    keys: Mutex<HashMap<String, Vec<u8>>>,
}

impl Retries {
    fn remember(&self, id: &str, key: Vec<u8>) {
        let mut keys = lock(&self.keys);
        if keys.len() >= REMEMBERED {
            keys.clear();
        }
        keys.insert(id.to_owned(), key);
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

    /// The phone answers.
    pub(crate) fn answered(&self, notification: &NodeRef<'_>) {
        let Some(id) = notification
            .get_attr("id")
            .map(|id| id.as_str().into_owned())
        else {
            return;
        };
        let key = lock(&self.retries.keys).remove(&id);
        if let Some(result) = result(notification, key.as_deref()) {
            self.events.tell(Event::MediaRetry { id, result });
        }
    }
}

fn result(notification: &NodeRef<'_>, key: Option<&[u8]>) -> Option<MediaRetryResult> {
    let Some(key) = key else {
        return sealed(notification);
    };
    Some(match parse_media_retry_notification(notification, key) {
        Ok(Answer::Success { direct_path }) => MediaRetryResult::Success { direct_path },
        Ok(Answer::NotFound) => MediaRetryResult::NotFound,
        Ok(Answer::DecryptionError) => MediaRetryResult::DecryptionError,
        Ok(Answer::GeneralError) | Err(_) => MediaRetryResult::GeneralError,
    })
}

fn sealed(notification: &NodeRef<'_>) -> Option<MediaRetryResult> {
    if notification.get_optional_child("error").is_some() {
        return result(notification, Some(&[]));
    }
    let parts = notification.get_optional_child("encrypt")?;
    let part =
        |name| Some(BASE64_STANDARD.encode(parts.get_optional_child(name)?.content_bytes()?));
    Some(MediaRetryResult::Sealed {
        ciphertext: part("enc_p")?,
        iv: part("enc_iv")?,
    })
}
