//! Evolution API, which names its sessions instances and has them in the path.
//!
//! Facts from github.com/EvolutionAPI/evolution-api, 2.3.6
//! (3454bec79f514995df9a5ea36a3554ab35cf1c82):
//! - paths and fields: `src/api/routes/sendMessage.router.ts`, `src/validate/message.schema.ts`,
//!   `src/api/dto/sendMessage.dto.ts`, `src/api/controllers/sendMessage.controller.ts` (base64
//!   without a `data:` prefix, or it is refused)
//! - what becomes of them: `src/api/integrations/channel/whatsapp/whatsapp.baileys.service.ts`.
//!   Mentions are looked at in groups only, and not for voice notes and stickers; a voice note is
//!   no reply; a quoted message is looked up by its id; a message id of ours is not taken; a file
//!   name decides over the MIME type, so that only documents get one
//! - numbers: `src/utils/createJid.ts`. Bare digits are tried with and without the digits that some
//!   countries put in between; a channel would become a group
//! - errors: `src/main.ts`, `src/api/guards/*.ts`. Whatever fails while sending is a 400

use http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, Sent};
use super::failure::{Failure, Kind};
use super::{Body, Unsupported, is_ogg, phone, segment};
use crate::send::outgoing::{Attachment, Content, Outgoing, OutgoingKind};

/// What Evolution says where the instance, or its connection, is not there: of the methods that it
/// then can't find.
const GONE: [&str; 7] = [
    "connection closed",
    "(reading 'onwhatsapp')",
    "(reading 'sendmessage')",
    "(reading 'textmessage')",
    "(reading 'mediamessage')",
    "(reading 'audiowhatsapp')",
    "(reading 'mediasticker')",
];

#[derive(Serialize)]
struct Request<'a> {
    number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted: Option<Quotation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentioned: Vec<&'a str>,
    #[serde(flatten)]
    content: Said<'a>,
}

#[derive(Serialize)]
struct Quotation<'a> {
    key: Key<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    id: &'a str,
    remote_jid: &'a str,
    from_me: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<&'a str>,
}

/// In each the file is last.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Said<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        link_preview: Option<bool>,
    },
    Media {
        mediatype: &'static str,
        mimetype: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        media: &'static str,
    },
    Voice {
        encoding: bool,
        audio: &'static str,
    },
    Sticker {
        not_convert_sticker: bool,
        sticker: &'static str,
    },
}

pub(super) fn request(instance: &str, message: &Outgoing) -> Result<(String, Body), Unsupported> {
    let request = Request {
        number: number(&message.chat)?,
        quoted: quotation(message)?,
        mentioned: mentioned(message)?,
        content: said(&message.content),
    };
    let route = match request.content {
        Said::Text { .. } => "sendText",
        Said::Media { .. } => "sendMedia",
        Said::Voice { .. } => "sendWhatsAppAudio",
        Said::Sticker { .. } => "sendSticker",
    };
    let body = match &message.content {
        Content::Text { .. } => Body::json(&request),
        Content::File(_) => Body::around_file(&request, 1),
    };
    Ok((format!("/message/{route}/{}", segment(instance)), body))
}

pub(super) fn sent(answer: &Answer) -> Option<Sent> {
    Some(Sent {
        id: answer.text(&["/key/id"])?.to_owned(),
        timestamp: answer.time(&["/messageTimestamp", "/messageTimestamp/low"]),
    })
}

pub(super) fn failure(status: StatusCode, answer: &Answer) -> Failure<'_> {
    if answer.is_false("/response/message/0/exists") {
        let kind = Kind::RecipientNotFound;
        return Failure { kind, says: None };
    }
    let says = answer.text(&[
        "/response/message/0",
        "/response/message/0/0",
        "/response/message",
        "/message",
        "/error",
    ]);
    let words = says.unwrap_or_default().to_ascii_lowercase();
    let kind = match status {
        StatusCode::NOT_FOUND if words.contains("instance does not exist") => Kind::SessionNotFound,
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR
            if GONE.iter().any(|gone| words.contains(gone)) =>
        {
            Kind::NotConnected
        }
        StatusCode::BAD_REQUEST if words.contains("error: timed out") => Kind::Unavailable,
        status => Kind::of(status),
    };
    Failure { kind, says }
}

fn number(chat: &str) -> Result<&str, Unsupported> {
    match chat.rsplit_once('@') {
        Some((_, "s.whatsapp.net")) => Ok(phone(chat).unwrap_or(chat)),
        Some((_, "g.us" | "lid")) => Ok(chat),
        Some((_, "broadcast")) => {
            let why = "Evolution API asks for a status' readers and colours, which are not known";
            Err(Unsupported::new("/chatId", why))
        }
        _ => Err(Unsupported::new(
            "/chatId",
            "Evolution API can't send to this kind of chat",
        )),
    }
}

fn quotation(message: &Outgoing) -> Result<Option<Quotation<'_>>, Unsupported> {
    let Some(quoted) = &message.quoted else {
        return Ok(None);
    };
    if kind(&message.content) == Some(OutgoingKind::Audio { voice_note: true }) {
        let why = "Evolution API can't send a voice note as a reply";
        return Err(Unsupported::new("/quotedMessage", why));
    }
    let key = Key {
        id: &quoted.id,
        remote_jid: &message.chat,
        from_me: quoted.from_me,
        participant: quoted.participant.as_deref(),
    };
    Ok(Some(Quotation { key }))
}

/// JIDs in full: of digits alone some would be changed. Each once, or the list is refused.
fn mentioned(message: &Outgoing) -> Result<Vec<&str>, Unsupported> {
    let mut mentioned: Vec<&str> = Vec::new();
    for jid in &message.mentions {
        if !mentioned.contains(&jid.as_str()) {
            mentioned.push(jid);
        }
    }
    let why = match kind(&message.content) {
        _ if mentioned.is_empty() => return Ok(mentioned),
        _ if !message.chat.ends_with("@g.us") => "Evolution API mentions in groups only",
        Some(OutgoingKind::Sticker) => "Evolution API can't mention anyone in a sticker",
        Some(OutgoingKind::Audio { voice_note: true }) => {
            "Evolution API can't mention anyone in a voice note"
        }
        _ => return Ok(mentioned),
    };
    Err(Unsupported::new("/mentions", why))
}

fn said(content: &Content) -> Said<'_> {
    match content {
        Content::Text { text, link_preview } => Said::Text {
            text,
            link_preview: *link_preview,
        },
        Content::File(file) => match file.kind {
            OutgoingKind::Image => media("image", file),
            OutgoingKind::Video => media("video", file),
            OutgoingKind::Document => media("document", file),
            OutgoingKind::Audio { voice_note: false } => media("audio", file),
            OutgoingKind::Audio { voice_note: true } => Said::Voice {
                encoding: !is_ogg(&file.mime),
                audio: "",
            },
            OutgoingKind::Sticker => Said::Sticker {
                not_convert_sticker: true,
                sticker: "",
            },
        },
    }
}

fn media<'a>(mediatype: &'static str, file: &'a Attachment) -> Said<'a> {
    let name = file.file_name.as_deref();
    Said::Media {
        mediatype,
        mimetype: &file.mime,
        file_name: name.filter(|_| file.kind == OutgoingKind::Document),
        caption: file.caption.as_deref(),
        media: "",
    }
}

fn kind(content: &Content) -> Option<OutgoingKind> {
    match content {
        Content::Text { .. } => None,
        Content::File(file) => Some(file.kind),
    }
}
