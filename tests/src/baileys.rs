//! Messages as a Baileys gateway posts them (`messages.upsert`, bytes as base64).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::media::{Kind, Sealed};

/// Message time of all built messages: 2025-01-15T10:00:00Z.
pub const TIMESTAMP: i64 = 1_736_935_200;

/// A direct chat.
pub const CHAT: &str = "5511999999999@s.whatsapp.net";

/// A group.
pub const GROUP: &str = "120363025246125486@g.us";

/// A message of `id` in the direct chat [`CHAT`].
#[must_use]
pub fn message(id: &str, content: Value) -> Value {
    message_in(CHAT, id, content)
}

/// A message of `id` in `chat`.
#[must_use]
pub fn message_in(chat: &str, id: &str, content: Value) -> Value {
    json!({
        "key": {"remoteJid": chat, "fromMe": false, "id": id},
        "messageTimestamp": TIMESTAMP,
        "pushName": "John Doe",
        "broadcast": false,
        "message": content,
    })
}

/// A message of `participant` in [`GROUP`].
#[must_use]
pub fn in_group(participant: &str, id: &str, content: Value) -> Value {
    let mut message = message_in(GROUP, id, content);
    message["key"]["participant"] = json!(participant);
    message
}

/// The `messages.upsert` payload.
#[must_use]
pub fn upsert(messages: &[Value]) -> Value {
    json!({"messages": messages, "type": "notify"})
}

/// One message in its `messages.upsert` payload.
#[must_use]
pub fn one(id: &str, content: Value) -> Value {
    upsert(&[message(id, content)])
}

/// A text.
#[must_use]
pub fn text(body: &str) -> Value {
    json!({"conversation": body})
}

/// The content node of a file at `direct_path`, with everything that WhatsApp says about it.
#[must_use]
pub fn file(sealed: &Sealed, direct_path: &str) -> Value {
    let mut node = json!({
        "url": format!("https://mmg.whatsapp.net{direct_path}"),
        "directPath": direct_path,
        "mimetype": sealed.kind.mime(),
        "mediaKey": STANDARD.encode(sealed.key),
        "fileSha256": STANDARD.encode(sealed.sha256),
        "fileEncSha256": STANDARD.encode(sealed.enc_sha256),
        "fileLength": sealed.plain.len().to_string(),
        "mediaKeyTimestamp": TIMESTAMP.to_string(),
    });
    match sealed.kind {
        Kind::Image => node["caption"] = json!("a picture"),
        Kind::Video => node["seconds"] = json!(12),
        Kind::Audio => node["ptt"] = json!(true),
        Kind::Document => node["fileName"] = json!("contract.pdf"),
        Kind::Sticker => node["isAnimated"] = json!(false),
    }
    json!({ name(sealed.kind): node })
}

/// [`file`] with one field of the node replaced, or removed where `value` is null.
#[must_use]
pub fn file_with(sealed: &Sealed, direct_path: &str, field: &str, value: Value) -> Value {
    let mut content = file(sealed, direct_path);
    let node = content[name(sealed.kind)].as_object_mut().unwrap();
    if value.is_null() {
        node.remove(field);
    } else {
        node.insert(field.to_owned(), value);
    }
    content
}

/// `imageMessage`, `videoMessage` …
#[must_use]
pub fn name(kind: Kind) -> String {
    format!("{}Message", kind.name())
}
