//! WhatsApp's message of an outgoing one. Pure.

use waproto::{
    buffa::{Message as _, MessageField},
    whatsapp::{
        ContextInfo, Message,
        message::{
            AudioMessage, DocumentMessage, ExtendedTextMessage, ImageMessage, StickerMessage,
            VideoMessage,
        },
    },
};

use super::{Look, Upload};
use crate::{
    media::MediaType,
    send::{Attachment, Content, Outgoing, OutgoingKind},
};

/// WhatsApp's type of a file that is sent as `kind`.
#[must_use]
pub const fn media_type(kind: OutgoingKind) -> MediaType {
    match kind {
        OutgoingKind::Image => MediaType::Image,
        OutgoingKind::Video => MediaType::Video,
        OutgoingKind::Audio { voice_note: true } => MediaType::Ptt,
        OutgoingKind::Audio { voice_note: false } => MediaType::Audio,
        OutgoingKind::Document => MediaType::Document,
        OutgoingKind::Sticker => MediaType::Sticker,
    }
}

/// The message. `upload` is its file, which is on the CDN; `own` the account's own JID, for a quotation
/// of what it sent itself. `None`: there is no file, and there must be.
#[must_use]
pub fn message(outgoing: &Outgoing, upload: Option<&Upload>, own: Option<&str>) -> Option<Message> {
    let context = context(outgoing, own);
    match &outgoing.content {
        Content::Text { text, .. } => Some(words(text, context)),
        Content::File(file) => Some(of_file(file, upload?, context)),
    }
}

/// Its bytes.
#[must_use]
pub fn encode(message: &Message) -> Vec<u8> {
    message.encode_to_vec()
}

fn words(text: &str, context: Option<ContextInfo>) -> Message {
    match context {
        None => Message {
            conversation: Some(text.to_owned()),
            ..Message::default()
        },
        Some(context) => Message {
            extended_text_message: MessageField::some(ExtendedTextMessage {
                text: Some(text.to_owned()),
                context_info: MessageField::some(context),
                ..ExtendedTextMessage::default()
            }),
            ..Message::default()
        },
    }
}

/// What it says of its relation to others; `None`: nothing.
fn context(outgoing: &Outgoing, own: Option<&str>) -> Option<ContextInfo> {
    let Outgoing {
        chat,
        content: _,
        quoted,
        mentions,
        forwarded,
    } = outgoing;
    if quoted.is_none() && mentions.is_empty() && !forwarded {
        return None;
    }
    let mut context = ContextInfo {
        mentioned_jid: mentions.clone(),
        ..ContextInfo::default()
    };
    if *forwarded {
        context.is_forwarded = Some(true);
        context.forwarding_score = Some(1);
    }
    if let Some(quoted) = quoted {
        let other = if quoted.from_me { own } else { Some(&**chat) };
        context.stanza_id = Some(quoted.id.clone());
        let participant = quoted.participant.as_deref().or(other);
        context.participant = participant.map(str::to_owned);
        // What it said is not kept. Phones that have the message show it from their own records.
        context.quoted_message = MessageField::some(Message {
            conversation: Some(String::new()),
            ..Message::default()
        });
    }
    Some(context)
}

/// The fields that bind a file's bytes, which have the same names in all types.
macro_rules! bound {
    ($type:ident, $file:ident, $upload:ident, $context:ident, {$($field:ident: $value:expr),* $(,)?}) => {
        MessageField::some($type {
            url: $upload.place.as_ref().map(|place| place.url.clone()),
            direct_path: $upload.place.as_ref().map(|place| place.direct_path.clone()),
            media_key: Some($upload.media_key.0.to_vec()),
            file_sha256: Some($upload.sha256.to_vec()),
            file_enc_sha256: Some($upload.enc_sha256.to_vec()),
            file_length: Some($file.length),
            mimetype: Some($file.mime.clone()),
            media_key_timestamp: Some($upload.key_timestamp),
            context_info: $context.map_or_else(MessageField::none, MessageField::some),
            $($field: $value,)*
            ..$type::default()
        })
    };
}

fn of_file(file: &Attachment, upload: &Upload, context: Option<ContextInfo>) -> Message {
    let Look {
        width,
        height,
        seconds,
        thumbnail,
    } = upload.look.clone();
    let (caption, sidecar) = (file.caption.clone(), Some(upload.sidecar.clone()));
    let mut message = Message::default();
    match file.kind {
        OutgoingKind::Image => {
            message.image_message = bound!(ImageMessage, file, upload, context, {
                caption: caption,
                width: width,
                height: height,
                jpeg_thumbnail: thumbnail,
            });
        }
        OutgoingKind::Video => {
            message.video_message = bound!(VideoMessage, file, upload, context, {
                caption: caption,
                width: width,
                height: height,
                seconds: seconds,
                jpeg_thumbnail: thumbnail,
                streaming_sidecar: sidecar,
            });
        }
        OutgoingKind::Audio { voice_note } => {
            message.audio_message = bound!(AudioMessage, file, upload, context, {
                ptt: Some(voice_note),
                seconds: seconds,
                streaming_sidecar: sidecar,
            });
        }
        OutgoingKind::Document => {
            message.document_message = bound!(DocumentMessage, file, upload, context, {
                caption: caption,
                title: file.file_name.clone(),
                file_name: file.file_name.clone(),
                jpeg_thumbnail: thumbnail,
            });
        }
        OutgoingKind::Sticker => {
            message.sticker_message = bound!(StickerMessage, file, upload, context, {
                width: width,
                height: height,
            });
        }
    }
    message
}
