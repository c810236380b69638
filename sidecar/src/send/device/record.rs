//! What a session keeps of a message that its device sent: the same as of one that it received.

use jiff::Timestamp;
use waproto::whatsapp::Message;

use crate::{
    clock,
    message::{Envelope, Event, understand},
    session::Session,
    store::{Dispatch, NewMessage},
};

/// The event that tells it.
const EVENT: &str = "message.sent";

/// The records of `message`, which WhatsApp has since `timestamp`.
pub(super) fn of(
    session: &Session,
    send: &Dispatch,
    message: Message,
    timestamp: Timestamp,
) -> Option<NewMessage> {
    let told = understand(Envelope {
        id: send.message_id.clone(),
        chat: send.message.chat.clone(),
        from_me: true,
        timestamp: Some(timestamp.as_second()),
        message: Some(Box::new(message)),
        ..Envelope::default()
    })?;
    let shown = matches!(told.event, Event::Received(_));
    shown.then(|| session.record_of(told, Some(EVENT), clock::now()))
}
