//! The demo's files, made for it, and the messages that carry them: what a Baileys gateway posts.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::media::{Encrypted, MediaKey, MediaType, encrypt};

/// One file, encrypted as WhatsApp does, and its message.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// What the table calls it.
    pub(super) title: &'static str,
    /// WhatsApp message id.
    pub(super) message_id: String,
    /// What the sender sent.
    pub(super) plaintext: Bytes,
    /// What lies on the CDN.
    pub(super) blob: Bytes,
    /// Path on the CDN, with its signed query.
    pub(super) direct_path: String,
    message: Value,
}

/// Name in Baileys' JSON, title, type, MIME type, file name, bytes.
type Kind = (
    &'static str,
    &'static str,
    MediaType,
    &'static str,
    Option<&'static str>,
    Bytes,
);

fn kinds() -> [Kind; 6] {
    let bytes = Bytes::from_static;
    [
        (
            "imageMessage",
            "picture",
            MediaType::Image,
            "image/jpeg",
            None,
            bytes(include_bytes!("../../samples/photo.jpg")),
        ),
        (
            "videoMessage",
            "video",
            MediaType::Video,
            "video/mp4",
            None,
            bytes(include_bytes!("../../samples/video.mp4")),
        ),
        (
            "audioMessage",
            "voice note",
            MediaType::Audio,
            "audio/ogg; codecs=opus",
            None,
            bytes(include_bytes!("../../samples/voice.ogg")),
        ),
        (
            "documentMessage",
            "contract",
            MediaType::Document,
            "application/pdf",
            Some("contract.pdf"),
            bytes(include_bytes!("../../samples/contract.pdf")),
        ),
        (
            "stickerMessage",
            "sticker",
            MediaType::Sticker,
            "image/webp",
            None,
            bytes(include_bytes!("../../samples/sticker.webp")),
        ),
        (
            "documentMessage",
            "5 MiB archive",
            MediaType::Document,
            "application/zip",
            Some("archive.zip"),
            pattern(5 * 1024 * 1024),
        ),
    ]
}

/// Bytes that repeat only after 64 KiB times a prime: large enough to be streamed.
fn pattern(length: usize) -> Bytes {
    (0_u32..)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes())
        .map(|[first, ..]| first)
        .take(length)
        .collect()
}

/// A sample of every kind. `random` gives each file its own key.
#[must_use]
pub(super) fn all(random: impl Fn() -> [u8; 32]) -> Vec<Sample> {
    kinds()
        .into_iter()
        .enumerate()
        .map(|(index, kind)| sample(index, kind, &MediaKey(random())))
        .collect()
}

/// A picture of which one byte on the CDN was changed on the way.
#[must_use]
pub(super) fn corrupted(random: impl Fn() -> [u8; 32]) -> Option<Sample> {
    let kind = kinds().into_iter().next()?;
    let mut sample = sample(99, kind, &MediaKey(random()));
    let mut blob = sample.blob.to_vec();
    let middle = blob.len() / 2;
    *blob.get_mut(middle)? ^= 1;
    sample.blob = blob.into();
    sample.title = "corrupted picture";
    Some(sample)
}

fn sample(index: usize, kind: Kind, key: &MediaKey) -> Sample {
    let (name, title, media_type, mime_type, file_name, plaintext) = kind;
    let Encrypted {
        blob,
        sha256,
        enc_sha256,
        sidecar,
    } = encrypt(key, media_type, &plaintext);
    let direct_path = format!("/v/t62.7118-24/{index:04}?ccb=11-4&oh=01_demo&oe=7FFFFFFF");
    let mut media = json!({
        "url": format!("https://mmg.whatsapp.net{direct_path}"),
        "directPath": direct_path,
        "mimetype": mime_type,
        "mediaKey": BASE64_STANDARD.encode(key.0),
        "fileSha256": BASE64_STANDARD.encode(sha256),
        "fileEncSha256": BASE64_STANDARD.encode(enc_sha256),
        "fileLength": plaintext.len().to_string(),
    });
    if let Some(fields) = media.as_object_mut() {
        if let Some(file_name) = file_name {
            fields.insert("fileName".into(), file_name.into());
        }
        if name == "imageMessage" {
            fields.insert("caption".into(), "Here is the picture".into());
        }
        if matches!(name, "videoMessage" | "audioMessage") {
            let sidecar = BASE64_STANDARD.encode(&sidecar);
            fields.insert("streamingSidecar".into(), sidecar.into());
            fields.insert("seconds".into(), 4.into());
        }
    }
    Sample {
        title,
        message_id: format!("3EB0DEMO{index:04}"),
        plaintext,
        blob: blob.into(),
        direct_path,
        message: json!({ name: media }),
    }
}

impl Sample {
    /// The webhook of a Baileys gateway.
    #[must_use]
    pub(super) fn upsert(&self, timestamp: i64) -> Value {
        json!({
            "event": "messages.upsert",
            "data": {
                "type": "notify",
                "messages": [{
                    "key": {
                        "remoteJid": "491700000001@s.whatsapp.net",
                        "fromMe": false,
                        "id": self.message_id,
                    },
                    "messageTimestamp": timestamp,
                    "pushName": "Demo Sender",
                    "message": self.message,
                }]
            }
        })
    }
}
