//! Messages in the protobuf form, and what they are understood as.

mod events;
mod faults;
mod parties;
mod structures;
mod wrappers;

use waproto::whatsapp as wa;
use waproto::whatsapp::message as m;

use super::{Content, Envelope, Event, Incoming, understand};

/// A sound reference to a picture whose hashes are all `mark`.
pub(super) fn image(mark: u8) -> m::ImageMessage {
    m::ImageMessage {
        mimetype: Some("image/jpeg".into()),
        direct_path: Some("/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01&oe=68A1B2C3".into()),
        media_key: Some(vec![mark; 32]),
        file_sha256: Some(vec![mark; 32]),
        file_enc_sha256: Some(vec![mark; 32]),
        file_length: Some(60),
        ..Default::default()
    }
}

pub(super) fn image_message(mark: u8) -> wa::Message {
    wa::Message {
        image_message: image(mark).into(),
        ..Default::default()
    }
}

pub(super) fn text_message(text: &str) -> wa::Message {
    wa::Message {
        conversation: Some(text.into()),
        ..Default::default()
    }
}

pub(super) fn key(id: &str) -> wa::MessageKey {
    wa::MessageKey {
        id: Some(id.into()),
        ..Default::default()
    }
}

pub(super) fn envelope(message: wa::Message) -> Envelope {
    Envelope {
        id: "3EB0C431C26A1916E07A".into(),
        chat: "5511999999999@s.whatsapp.net".into(),
        message: Some(Box::new(message)),
        ..Envelope::default()
    }
}

pub(super) fn incoming(message: wa::Message) -> Incoming {
    understand(envelope(message)).unwrap()
}

pub(super) fn content(message: wa::Message) -> Content {
    match incoming(message).event {
        Event::Received(content) => content,
        other => panic!("{other:?}"),
    }
}

/// First byte of each file's key, which the tests use as its mark.
pub(super) fn marks(content: &Content) -> Vec<u8> {
    let mark = |media: &super::MediaReference| media.media_key.as_ref().unwrap().0[0];
    content.media.iter().map(mark).collect()
}
