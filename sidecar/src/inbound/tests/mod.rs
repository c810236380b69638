//! Payloads as gateways write them, and what becomes of them.

mod baileys;
mod depth;
mod fixtures;
mod fuzz;
mod gateways;
mod protobuf;
mod refusals;
mod renderings;
mod whatsmeow;

use serde_json::{Value, json};

use super::{ParseError, Parsed, Request, parse};
use crate::message::{Content, Event, MediaReference};

/// An image as Baileys' `toJSON` writes it: base64, lengths as strings.
fn image() -> Value {
    json!({
        "url": "https://mmg.whatsapp.net/v/t62.7118-24/11_22_n.enc?ccb=11-4&oh=01_Q5&oe=68A1B2C3&mms3=true",
        "mimetype": "image/jpeg",
        "caption": "Praia",
        "fileSha256": "wJA2gHjXPvrSepTS1+NXQI5W9DtdIKyZrSOGC4KbapI=",
        "fileLength": "60",
        "height": 1200,
        "width": 1600,
        "mediaKey": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "fileEncSha256": "oPNfo05tW/whrPMGymELG233Q2AbAsY9gyX7mG+q97Y=",
        "directPath": "/v/t62.7118-24/11_22_n.enc?ccb=11-4&oh=01_Q5&oe=68A1B2C3&_nc_sid=5e03e0",
        "mediaKeyTimestamp": "1736936990",
        "jpegThumbnail": "/9j/4AAQSkZJRgABAQAAAQABAAD/"
    })
}

/// A `WebMessageInfo` around a message.
fn web_message(message: &Value) -> Value {
    json!({
        "key": {"remoteJid": "5511999999999@s.whatsapp.net", "fromMe": false, "id": "3EB0C431C26A1916E07A"},
        "messageTimestamp": 1_736_937_000,
        "pushName": "John Doe",
        "broadcast": false,
        "message": message
    })
}

fn upsert(messages: &[Value]) -> Value {
    json!({"event": "messages.upsert", "data": {"messages": messages, "type": "notify"}})
}

fn try_post(body: &Value) -> Result<Parsed, ParseError> {
    let body = serde_json::to_vec(body).unwrap();
    parse(Request {
        content_type: Some("application/json"),
        body: &body,
        ..Request::default()
    })
}

fn post(body: &Value) -> Parsed {
    try_post(body).unwrap()
}

fn received(parsed: &Parsed) -> &Content {
    assert_eq!(parsed.messages.len(), 1, "{parsed:?}");
    match &parsed.messages[0].event {
        Event::Received(content) => content,
        other => panic!("{other:?}"),
    }
}

/// The one file of the one message of a body.
fn media(body: &Value) -> MediaReference {
    let parsed = post(body);
    let content = received(&parsed);
    assert_eq!(content.media.len(), 1, "{content:?}");
    content.media[0].clone()
}

fn placeholder(parsed: &Parsed) -> &'static str {
    match parsed.messages[0].event {
        Event::Placeholder { reason } => reason,
        ref other => panic!("{other:?}"),
    }
}

/// Bytes 0, 1, … 31: the media key of [`image`].
fn key() -> Vec<u8> {
    (0..32).collect()
}
