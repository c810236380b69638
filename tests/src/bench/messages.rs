//! Bodies for `/inbound`: every second one a text, the others images, spread over many chats.

use crate::baileys;
use crate::media::{Kind, Sealed};
use crate::random::Random;

/// Chats that the messages are spread over.
const CHATS: u64 = 500;

/// Stands for the message's own id and chat in the rendered bodies.
const ID: &str = "3EB0_ID_PLACEHOLDER";
const CHAT: &str = "551199_CHAT_PLACEHOLDER@s.whatsapp.net";

/// Renders bodies; what differs from message to message is filled in, the rest is made once.
#[derive(Debug)]
pub struct Messages {
    text: String,
    image: String,
}

// === impl Messages ===

impl Messages {
    /// As Baileys posts them: one message per `messages.upsert`.
    #[must_use]
    pub fn new() -> Self {
        let body = |content| {
            let message = baileys::message_in(CHAT, ID, content);
            baileys::upsert(&[message]).to_string()
        };
        let words = "Good morning! Is the order from yesterday on its way already?";
        let sealed = Sealed::random(Kind::Image, 1000, &mut Random::new(7));
        let path = "/v/t62.7118-24/12345678_9012345678901234_5678901234567890_n.enc?ccb=11-4\
                    &oh=01_Q5AaIBc0Yb4dTzY1cXkzOGt4dGxmZzJ4ZmRmbA&oe=7FFFFF00&_nc_sid=5e03e0";
        let mut image = baileys::file(&sealed, path);
        // A thumbnail of the size that phones send.
        let thumbnail = Random::new(8).bytes(1500);
        image["imageMessage"]["jpegThumbnail"] =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, thumbnail).into();
        Self {
            text: body(baileys::text(words)),
            image: body(image),
        }
    }

    /// The body of message `number`.
    #[must_use]
    pub fn body(&self, number: u64) -> String {
        let template = if number.is_multiple_of(2) {
            &self.text
        } else {
            &self.image
        };
        let chat = format!("5511{:09}@s.whatsapp.net", number / 2 % CHATS);
        template
            .replace(ID, &format!("3EB0{number:016X}"))
            .replace(CHAT, &chat)
    }
}

impl Default for Messages {
    fn default() -> Self {
        Self::new()
    }
}
