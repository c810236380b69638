//! WAHA's API. The session's name stands in the body, of a status in the path.
//!
//! Facts from github.com/devlikeapro/waha:
//! - fields: `src/structures/chatting.dto.ts` at 6aa42823279efa918c1fd83fe40441c0fd3358c6, where a
//!   text takes an id made beforehand and files don't; `src/structures/files.dto.ts` at
//!   55fc6a4282a42f1c2a6d4bbeff47e7baed884aa5 (2024.10.8): base64 without a `data:` prefix
//! - statuses: `src/structures/status.dto.ts`, and what becomes of them in
//!   `src/core/engines/gows/session.gows.core.ts` at 80a08ebf84efe88675fd9a217699639c878c1486: an id
//!   is taken, readers need not be named (in 2024.10.8 they had to)
//! - paths: `src/api/{chatting,status}.controller.ts` of 2024.10.8; `sendSticker`, which came later
//!   and takes a finished WebP, by WAHA's documentation
//! - ids: `src/core/utils/ids.ts` at d2658412ff14f8edf1574ade6cb838f254a1582c. A message is named
//!   `fromMe_chat_id`, in a group with `_participant` behind; of chat ids, the engine that drives a
//!   browser wants `@c.us` for phone numbers, the others take both
//! - errors: `src/core/abc/manager.abc.ts` and `src/nestjs/AllExceptionsFilter.ts` of 2024.10.8; a
//!   500 holds the request again, so only known places of it are read
//! - answers: the message as the engine has it, its id at `key.id` (NOWEB), in `id._serialized`
//!   (WEBJS), or in `id` as a name (GOWS, WPP)

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, Sent};
use super::failure::{Failure, Kind};
use super::{Body, STATUS, Unsupported, is_ogg, phone, segment, voice_mime};
use crate::send::outgoing::{Attachment, Content, Outgoing, OutgoingKind, Quoted};

#[derive(Serialize)]
struct Request<'a> {
    session: &'a str,
    #[serde(rename = "chatId")]
    chat_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(flatten)]
    content: Said<'a>,
}

/// A status goes to all who may see it; the session stands in the path.
#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    #[serde(rename = "backgroundColor", skip_serializing_if = "Option::is_none")]
    background_color: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    font: Option<u8>,
    #[serde(flatten)]
    content: Said<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        text: &'a str,
        #[serde(rename = "linkPreview", skip_serializing_if = "Option::is_none")]
        link_preview: Option<bool>,
    },
    File {
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        convert: Option<bool>,
        file: File<'a>,
    },
}

#[derive(Serialize)]
struct File<'a> {
    mimetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    /// Where the file goes: last in the body.
    data: &'static str,
}

pub(super) fn request(
    session: &str,
    message: &Outgoing,
    message_id: &str,
) -> Result<(String, Body), Unsupported> {
    if message.chat == STATUS {
        return status(session, message, message_id);
    }
    let path = match &message.content {
        Content::Text { .. } => "/api/sendText",
        Content::File(file) => path_of(file.kind, message)?,
    };
    let request = Request {
        session,
        chat_id: chat_id(&message.chat).into_owned(),
        mentions: message
            .mentions
            .iter()
            .map(|jid| chat_id(jid).into_owned())
            .collect(),
        reply_to: message
            .quoted
            .as_ref()
            .map(|quoted| name(&message.chat, quoted)),
        content: said(&message.content, Some(message_id)),
    };
    Ok((path.to_owned(), body(&message.content, &request)))
}

fn status(
    session: &str,
    message: &Outgoing,
    message_id: &str,
) -> Result<(String, Body), Unsupported> {
    if message.quoted.is_some() {
        return Err(Unsupported::new(
            "/quotedMessage",
            "a WAHA status can't be a reply",
        ));
    }
    if !message.mentions.is_empty() {
        return Err(Unsupported::new(
            "/mentions",
            "a WAHA status can't mention anyone",
        ));
    }
    let kind = match &message.content {
        Content::Text { .. } => "text",
        Content::File(file) => match file.kind {
            OutgoingKind::Image => "image",
            OutgoingKind::Video => "video",
            OutgoingKind::Audio { voice_note: true } => "voice",
            OutgoingKind::Audio { voice_note: false } => return Err(no_plain_sound()),
            OutgoingKind::Document | OutgoingKind::Sticker => {
                let why = "a WAHA status is a text, an image, a video or a voice note";
                return Err(Unsupported::new("/type", why));
            }
        },
    };
    // Colour and font are required; these are the defaults that WAHA publishes.
    let request = Status {
        id: message_id,
        background_color: matches!(kind, "text" | "voice").then_some("#38b42f"),
        font: (kind == "text").then_some(0),
        content: said(&message.content, None),
    };
    let path = format!("/api/{}/status/{kind}", segment(session));
    Ok((path, body(&message.content, &request)))
}

pub(super) fn sent(answer: &Answer) -> Option<Sent> {
    let id = answer.text(&[
        "/key/id",
        "/id/id",
        "/id/_serialized",
        "/id",
        "/_data/id/id",
        "/_data/id/_serialized",
    ])?;
    // `true_chat_id` or `true_chat_id_participant`
    let id = match id.split('_').collect::<Vec<_>>().as_slice() {
        ["true" | "false", _chat, id, ..] => *id,
        _ => id,
    };
    let timestamp = answer.time(&["/timestamp", "/messageTimestamp", "/messageTimestamp/low"]);
    (!id.is_empty()).then(|| Sent {
        id: id.to_owned(),
        timestamp,
    })
}

pub(super) fn failure(status: StatusCode, answer: &Answer) -> Failure<'_> {
    let says = answer.text(&[
        "/message",
        "/message/0",
        "/exception/details",
        "/exception/message",
        "/error",
        "/error/message",
    ]);
    let words = says.unwrap_or_default().to_ascii_lowercase();
    let says_of = |text: &str| words.contains(text);
    let kind = match status {
        StatusCode::NOT_FOUND if says_of("find a session") => Kind::SessionNotFound,
        StatusCode::UNPROCESSABLE_ENTITY if says_of("does not exist") && says_of("session") => {
            Kind::SessionNotFound
        }
        StatusCode::UNPROCESSABLE_ENTITY if says_of("session status is not as expected") => {
            Kind::NotConnected
        }
        StatusCode::INTERNAL_SERVER_ERROR if says_of("no lid found for") => Kind::RecipientNotFound,
        StatusCode::INTERNAL_SERVER_ERROR
            if says_of("connection closed")
                || says_of("websocket not connected")
                || says_of("contain a device jid") =>
        {
            Kind::NotConnected
        }
        status => Kind::of(status),
    };
    Failure { kind, says }
}

fn path_of(kind: OutgoingKind, message: &Outgoing) -> Result<&'static str, Unsupported> {
    let (path, takes_mentions) = match kind {
        OutgoingKind::Image => ("/api/sendImage", true),
        OutgoingKind::Video => ("/api/sendVideo", true),
        OutgoingKind::Document => ("/api/sendFile", true),
        OutgoingKind::Audio { voice_note: true } => ("/api/sendVoice", false),
        OutgoingKind::Audio { voice_note: false } => return Err(no_plain_sound()),
        OutgoingKind::Sticker => ("/api/sendSticker", false),
    };
    if takes_mentions || message.mentions.is_empty() {
        return Ok(path);
    }
    let why = "WAHA can't mention anyone in a voice note or a sticker";
    Err(Unsupported::new("/mentions", why))
}

fn no_plain_sound() -> Unsupported {
    Unsupported::new("/ptt", "WAHA sends sound as a voice note only")
}

fn said<'a>(content: &'a Content, id: Option<&'a str>) -> Said<'a> {
    match content {
        Content::Text { text, link_preview } => Said::Text {
            id,
            text,
            link_preview: *link_preview,
        },
        Content::File(file) => Said::File {
            caption: caption(file),
            convert: match file.kind {
                OutgoingKind::Audio { .. } => Some(!is_ogg(&file.mime)),
                OutgoingKind::Video => Some(false),
                OutgoingKind::Image | OutgoingKind::Document | OutgoingKind::Sticker => None,
            },
            file: File {
                mimetype: match file.kind {
                    OutgoingKind::Audio { .. } => voice_mime(&file.mime),
                    _ => &file.mime,
                },
                filename: file.file_name.as_deref().or_else(|| usual_name(file)),
                data: "",
            },
        },
    }
}

/// The API documents a caption of its own for videos without one, and requires a file name for
/// sound and videos.
fn caption(file: &Attachment) -> Option<&str> {
    let none = (file.kind == OutgoingKind::Video).then_some("");
    file.caption.as_deref().or(none)
}

fn usual_name(file: &Attachment) -> Option<&'static str> {
    match file.kind {
        OutgoingKind::Audio { .. } if is_ogg(&file.mime) => Some("voice.ogg"),
        OutgoingKind::Audio { .. } => Some("voice.mp3"),
        OutgoingKind::Video => Some("video.mp4"),
        OutgoingKind::Image | OutgoingKind::Document | OutgoingKind::Sticker => None,
    }
}

fn body(content: &Content, request: &impl Serialize) -> Body {
    match content {
        Content::Text { .. } => Body::json(request),
        Content::File(_) => Body::around_file(request, 2),
    }
}

fn chat_id(jid: &str) -> Cow<'_, str> {
    phone(jid).map_or(Cow::Borrowed(jid), |phone| {
        Cow::Owned(format!("{phone}@c.us"))
    })
}

/// How WAHA names a message.
fn name(chat: &str, quoted: &Quoted) -> String {
    let sender = quoted
        .participant
        .as_deref()
        .filter(|_| chat.ends_with("@g.us"))
        .map_or_else(String::new, |jid| format!("_{}", chat_id(jid)));
    format!("{}_{}_{}{sender}", quoted.from_me, chat_id(chat), quoted.id)
}
