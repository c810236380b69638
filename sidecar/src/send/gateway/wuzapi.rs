//! wuzapi's API. Its token alone says whose session it is.
//!
//! Facts from github.com/asternic/wuzapi, `handlers.go` and `helpers.go` at
//! 02a462c2b89f26a2ccdacabbad58e428c444e363, paths from `routes.go` (also at
//! 79ee4cd87a867f3c905574e7a9057b4cb7dbb16c):
//! - a file is a `data:` URL: `data:image…` for images, `data:audio/…` for sound; for documents
//!   older ones know only `data:application/octet-stream`, so that the type stands beside it
//! - `Id` is taken for every kind of message, so that a second try is the same message
//! - a quotation needs `Participant`, the sender of what is quoted
//! - a channel's files would have to be sent unencrypted, which it doesn't know
//! - errors are `{code, error, success: false}`; nearly all that fails is a 500, told apart by its
//!   words: its own, and those of whatsmeow's `errors.go` and `send.go`
//! - answers are `data.Id` and `data.Timestamp`: seconds, in older ones RFC 3339

use http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, Sent};
use super::failure::{Failure, Kind};
use super::{Body, Unsupported, bare, voice_mime};
use crate::send::outgoing::{Attachment, Content, Outgoing, OutgoingKind, Quoted};

/// What is said where there is no connection to WhatsApp.
const GONE: [&str; 3] = [
    "no session",
    "websocket not connected",
    "contain a device jid",
];

/// What is said of a file that can't be worked with, although by a 500.
const BROKEN: [&str; 3] = [
    "could not decode image",
    "failed to encode",
    "failed to convert",
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    phone: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Context::is_empty")]
    context_info: Context<'a>,
    #[serde(flatten)]
    content: Said<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "stanzaID", skip_serializing_if = "Option::is_none")]
    stanza_id: Option<&'a str>,
    #[serde(rename = "participant", skip_serializing_if = "Option::is_none")]
    participant: Option<&'a str>,
    #[serde(rename = "mentionedJID", skip_serializing_if = "<[String]>::is_empty")]
    mentioned_jid: &'a [String],
}

/// In each the file is last.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
enum Said<'a> {
    Text {
        body: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        link_preview: Option<bool>,
    },
    Image {
        mime_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        image: String,
    },
    Video {
        mime_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        video: String,
    },
    Audio {
        #[serde(rename = "mimetype")]
        mime_type: &'a str,
        #[serde(rename = "ptt")]
        ptt: bool,
        audio: String,
    },
    Document {
        mime_type: &'a str,
        file_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        document: String,
    },
    Sticker {
        mime_type: &'a str,
        sticker: String,
    },
}

pub(super) fn request(message: &Outgoing, message_id: &str) -> Result<(String, Body), Unsupported> {
    let request = Request {
        phone: &message.chat,
        id: message_id,
        context_info: context(message)?,
        content: said(message)?,
    };
    let route = match request.content {
        Said::Text { .. } => "text",
        Said::Image { .. } => "image",
        Said::Video { .. } => "video",
        Said::Audio { .. } => "audio",
        Said::Document { .. } => "document",
        Said::Sticker { .. } => "sticker",
    };
    let body = match &message.content {
        Content::Text { .. } => Body::json(&request),
        Content::File(_) => Body::around_file(&request, 1),
    };
    Ok((format!("/chat/send/{route}"), body))
}

pub(super) fn sent(answer: &Answer) -> Option<Sent> {
    Some(Sent {
        id: answer.text(&["/data/Id"])?.to_owned(),
        timestamp: answer.time(&["/data/Timestamp"]),
    })
}

pub(super) fn failure(status: StatusCode, answer: &Answer) -> Failure<'_> {
    let says = answer.text(&["/error"]);
    let words = says.unwrap_or_default().to_ascii_lowercase();
    let says_one = |of: &[&str]| of.iter().any(|text| words.contains(text));
    let kind = match status {
        StatusCode::INTERNAL_SERVER_ERROR if says_one(&GONE) => Kind::NotConnected,
        StatusCode::INTERNAL_SERVER_ERROR if says_one(&BROKEN) => Kind::Refused,
        StatusCode::INTERNAL_SERVER_ERROR if says_one(&["no lid found for"]) => {
            Kind::RecipientNotFound
        }
        status => Kind::of(status),
    };
    Failure { kind, says }
}

fn context(message: &Outgoing) -> Result<Context<'_>, Unsupported> {
    let quoted = message.quoted.as_ref();
    Ok(Context {
        stanza_id: quoted.map(|quoted| quoted.id.as_str()),
        participant: quoted
            .map(|quoted| sender(&message.chat, quoted))
            .transpose()?,
        mentioned_jid: &message.mentions,
    })
}

/// Who sent what is quoted: in a chat of two, the other one, if it wasn't us.
fn sender<'a>(chat: &'a str, quoted: &'a Quoted) -> Result<&'a str, Unsupported> {
    let of_two = chat.ends_with("@s.whatsapp.net") || chat.ends_with("@lid");
    match &quoted.participant {
        Some(participant) => Ok(participant),
        None if of_two && !quoted.from_me => Ok(chat),
        None => {
            let why = "wuzapi has to be told who sent the quoted message";
            Err(Unsupported::new("/quotedMessage/participant", why))
        }
    }
}

fn said(message: &Outgoing) -> Result<Said<'_>, Unsupported> {
    match &message.content {
        Content::Text { text, link_preview } => Ok(Said::Text {
            body: text,
            link_preview: *link_preview,
        }),
        Content::File(_) if message.chat.ends_with("@newsletter") => Err(Unsupported::new(
            "/chatId",
            "wuzapi sends texts only to a channel",
        )),
        Content::File(file) => Ok(attached(file)),
    }
}

fn attached(file: &Attachment) -> Said<'_> {
    let mime_type = file.mime.as_str();
    let caption = file.caption.as_deref();
    match file.kind {
        OutgoingKind::Image => Said::Image {
            mime_type,
            caption,
            image: data_url(mime_type),
        },
        OutgoingKind::Video => Said::Video {
            mime_type,
            caption,
            video: data_url(mime_type),
        },
        OutgoingKind::Audio { voice_note } => Said::Audio {
            mime_type: if voice_note {
                voice_mime(mime_type)
            } else {
                mime_type
            },
            ptt: voice_note,
            audio: data_url(mime_type),
        },
        OutgoingKind::Document => Said::Document {
            mime_type,
            file_name: file.file_name.as_deref().unwrap_or("file"),
            caption,
            document: data_url("application/octet-stream"),
        },
        OutgoingKind::Sticker => Said::Sticker {
            mime_type,
            sticker: data_url(mime_type),
        },
    }
}

/// What a file's URL begins with.
fn data_url(mime: &str) -> String {
    format!("data:{};base64,", bare(mime))
}

// === impl Context ===

impl Context<'_> {
    fn is_empty(&self) -> bool {
        self.stanza_id.is_none() && self.mentioned_jid.is_empty()
    }
}
