//! Baileys' shapes, from posted body to media reference.

use serde_json::{Value, json};

use crate::inbound::{Format, Parsed, Request, parse};
use crate::media::MediaKind;
use crate::message::{Content, Event};

pub(super) fn image() -> Value {
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

pub(super) fn web_message(message: &Value) -> Value {
    json!({
        "key": {"remoteJid": "5511999999999@s.whatsapp.net", "fromMe": false, "id": "3EB0C431C26A1916E07A"},
        "messageTimestamp": 1_736_937_000,
        "pushName": "John Doe",
        "broadcast": false,
        "message": message
    })
}

pub(super) fn post(body: &Value) -> Parsed {
    let body = serde_json::to_vec(body).unwrap();
    parse(Request {
        content_type: Some("application/json"),
        body: &body,
        ..Request::default()
    })
    .unwrap()
}

pub(super) fn received(parsed: &Parsed) -> &Content {
    assert_eq!(parsed.messages.len(), 1, "{parsed:?}");
    match &parsed.messages[0].event {
        Event::Received(content) => content,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_upsert_with_an_image_is_understood() {
    let parsed = post(&json!({
        "event": "messages.upsert",
        "data": {"messages": [web_message(&json!({"imageMessage": image()}))], "type": "notify"}
    }));
    assert_eq!(parsed.format, Format::Baileys);
    let incoming = &parsed.messages[0];
    assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!(incoming.key.id, "3EB0C431C26A1916E07A");
    assert_eq!(incoming.sender_phone.as_deref(), Some("5511999999999"));
    assert_eq!(incoming.timestamp, Some(1_736_937_000));
    assert_eq!(incoming.push_name.as_deref(), Some("John Doe"));
    let content = received(&parsed);
    assert_eq!(content.kind, "image");
    assert_eq!(content.caption.as_deref(), Some("Praia"));
    let media = &content.media[0];
    assert_eq!(media.fault, None);
    assert_eq!(media.kind, MediaKind::Image);
    assert_eq!(
        media.media_key.as_ref().unwrap().0,
        *(0..32).collect::<Vec<u8>>()
    );
    assert_eq!(media.file_length, Some(60));
    assert_eq!(media.mime_type.as_deref(), Some("image/jpeg"));
    assert!(
        media
            .direct_path
            .as_deref()
            .unwrap()
            .starts_with("/v/t62.7118-24/")
    );
    assert_eq!(
        hex::encode(media.sha256.unwrap()),
        "c090368078d73efad27a94d2d7e357408e56f43b5d20ac99ad23860b829b6a92"
    );
}
