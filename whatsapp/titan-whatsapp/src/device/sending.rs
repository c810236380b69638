//! Messages that go out: sent under an id that the caller chose, and done when WhatsApp says that it has them.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use tokio::{sync::oneshot, time::timeout};
use waproto::whatsapp::Message;
use whatsapp_rust::{Jid, SendOptions};

use super::shared::{Device, NotConnected, lock};

/// How long WhatsApp may take to say that it has a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message that was not sent, as far as is known. Trying again with the same id is the same message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection.
    #[error(transparent)]
    NotConnected(#[from] NotConnected),
    /// The same id is on its way.
    #[error("a message with this id is on its way")]
    InFlight,
    /// The library could not send it.
    #[error("the message can't be sent: {0}")]
    Failed(#[source] whatsapp_rust::SendError),
    /// WhatsApp refused it.
    #[error("WhatsApp refused the message with {0}")]
    Refused(String),
    /// WhatsApp may have it.
    #[error("WhatsApp did not say whether it has the message")]
    Unacknowledged,
}

/// WhatsApp's word for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ack {
    /// When WhatsApp had it, in seconds since 1970.
    pub(crate) timestamp: Option<i64>,
    /// Code of a refusal.
    pub(crate) error: Option<String>,
}

/// Who waits for which message's acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    waiting: Mutex<HashMap<String, oneshot::Sender<Ack>>>,
}

impl Acks {
    /// Waits for an id, unless somebody does.
    fn expect(&self, id: &str) -> Option<oneshot::Receiver<Ack>> {
        let mut waiting = lock(&self.waiting);
        if waiting.get(id).is_some_and(|waiter| !waiter.is_closed()) {
            return None;
        }
        let (told, ack) = oneshot::channel();
        waiting.insert(id.to_owned(), told);
        Some(ack)
    }

    /// An acknowledgement came.
    pub(crate) fn told(&self, id: &str, ack: Ack) {
        if let Some(waiter) = lock(&self.waiting).remove(id) {
            // Who asked may have given up.
            let _gone = waiter.send(ack);
        }
    }

    /// The connection ended: nothing more comes.
    pub(crate) fn give_up(&self) {
        lock(&self.waiting).clear();
    }
}

impl Device {
    /// Sends a message and waits until WhatsApp has it.
    pub(crate) async fn send(
        &self,
        chat: Jid,
        id: &str,
        message: Message,
    ) -> Result<Option<i64>, SendError> {
        let client = self.connected()?;
        let ack = self.acks.expect(id).ok_or(SendError::InFlight)?;
        let options = SendOptions::default().with_message_id(id);
        let exchange = async {
            client
                .send_message_with_options(chat, message, options)
                .await
                .map_err(SendError::Failed)?;
            ack.await.map_err(|_ended| SendError::Unacknowledged)
        };
        let ack = timeout(PATIENCE, exchange)
            .await
            .unwrap_or(Err(SendError::Unacknowledged))?;
        match ack.error {
            None => Ok(ack.timestamp),
            Some(code) => Err(SendError::Refused(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_caller_waits_for_an_id_until_it_is_told_or_gone() {
        let acks = Acks::default();
        let ack = Ack {
            timestamp: Some(7),
            error: None,
        };
        let waits = acks.expect("A").unwrap();
        assert!(acks.expect("A").is_none());
        acks.told("A", ack.clone());
        assert_eq!(waits.await.unwrap(), ack);

        drop(acks.expect("A").unwrap());
        let waits = acks.expect("A").unwrap();
        acks.give_up();
        assert!(waits.await.is_err());
    }
}
