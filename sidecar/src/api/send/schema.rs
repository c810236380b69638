//! What a caller sends, and is answered, in the words of the document.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    message::identity::{lid_of, phone_of},
    store::Sent,
};

/// A message to send.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "a schema of the document; `send::request` reads the body"
)]
#[schema(rename_all = "camelCase")]
pub(super) struct Message {
    /// Session name; needed where the path has none and the key opens several.
    session: Option<String>,
    /// JID of the chat.
    #[schema(example = "4915112345678@s.whatsapp.net")]
    chat_id: String,
    /// text, image, video, voice, file or sticker.
    #[schema(rename = "type", example = "text")]
    type_: String,
    /// Words of a text.
    text: Option<String>,
    /// Whether a link in a text gets a preview.
    link_preview: Option<bool>,
    /// Link to the file, https, at most 50 MiB.
    url: Option<String>,
    /// The file itself, at most 70 MiB of base64. A data URL will do.
    base64: Option<String>,
    /// Words below an image, a video or a file.
    caption: Option<String>,
    /// Name that the receiver sees; required for a file.
    filename: Option<String>,
    /// Whether sound is a voice note. Default: true.
    ptt: Option<bool>,
    /// The message that it answers.
    #[schema(inline, rename = "quotedMessage")]
    quoted: Option<QuotedMessage>,
    /// JIDs of who is mentioned, each also in the text with @; at most 256.
    mentions: Option<Vec<String>>,
    /// Whether it is marked as forwarded.
    is_forwarded: Option<bool>,
}

/// A message that another one answers.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "a schema of the document; `send::request` reads the body"
)]
#[schema(rename_all = "camelCase")]
struct QuotedMessage {
    /// WhatsApp message id.
    id: String,
    /// JID of who sent it, in a group.
    participant: Option<String>,
    /// Whether the session's own account sent it.
    from_me: Option<bool>,
}

/// A message that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentMessage {
    /// WhatsApp message id.
    #[schema(example = "3EB0C767D1826A0F1B2C")]
    id: String,
    /// `sent`.
    #[schema(example = "sent")]
    status: &'static str,
    /// When it was sent.
    #[schema(value_type = String, example = "2025-01-15T10:30:00Z")]
    timestamp: Timestamp,
    /// Id of the file's record, where the session keeps one: it sends as its own linked device.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_id: Option<String>,
    /// Phone number of the chat, where its JID is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+4915112345678")]
    from_phone_number: Option<String>,
    /// LID of the chat, where its JID is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_lid: Option<String>,
}

impl SentMessage {
    pub(super) fn of(chat: &str, sent: Sent) -> Self {
        Self {
            id: sent.id,
            status: "sent",
            timestamp: sent.timestamp,
            media_id: sent.media_id,
            from_phone_number: phone_of(chat).map(|digits| format!("+{digits}")),
            from_lid: lid_of(chat).map(str::to_owned),
        }
    }
}
