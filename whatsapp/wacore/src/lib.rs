//! `wacore` as it is, but for one function.
//!
//! The library takes the phone's notifications of history out of their messages before the hook that a message is
//! acknowledged by sees them, and either downloads what they name, in memory and after the acknowledgement, or forgets
//! them. There is no option between. Here they stay where they are: to the library it is a message like others, kept in its
//! store until the hook has said yes, and what becomes of the notification is the hook's to decide.

pub use real::*;

/// Messages, with what came in them.
pub mod messages {
    pub use real::messages::*;

    use anyhow::Result;
    use waproto::whatsapp::Message;

    /// Decodes a message and takes nothing out of it.
    pub fn decode_plaintext_detached_history_sync(
        mut padded_plaintext: Vec<u8>,
        padding_version: u8,
    ) -> Result<(Message, Option<DetachedHistorySyncNotification>)> {
        let length = MessageUtils::unpadded_message_len(&padded_plaintext, padding_version)?;
        padded_plaintext.truncate(length);
        Ok((waproto::codec::message_decode(&padded_plaintext)?, None))
    }

    #[cfg(test)]
    mod tests {
        use buffa::{Message as _, MessageField};
        use waproto::whatsapp::message::{HistorySyncNotification, ProtocolMessage};

        use super::*;

        #[test]
        #[allow(clippy::unwrap_used, reason = "what fails here is a failed test")]
        fn a_notification_stays_in_its_message_with_its_payload() {
            let notification = HistorySyncNotification {
                initial_hist_bootstrap_inline_payload: Some(vec![7; 99]),
                ..Default::default()
            };
            let message = Message {
                protocol_message: MessageField::some(ProtocolMessage {
                    history_sync_notification: MessageField::some(notification),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let padded = MessageUtils::pad_message_v2(message.encode_to_vec());
            let (decoded, taken) = decode_plaintext_detached_history_sync(padded, 2).unwrap();
            assert_eq!(decoded, message);
            assert!(taken.is_none());
        }
    }
}
