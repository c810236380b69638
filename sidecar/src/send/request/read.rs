//! Goes through the fields of a request, in whatever order they stand.

use std::io::{self, Read, Write};

use super::body::{Body, Seen};
use super::check::{Draft, not_with, two_files};
use super::encoded::{self, EncodedError, MOST_BASE64};
use super::error::{Refusal, RequestError};
use super::value::{self, MOST_JID};
use super::{Request, RequestType, Source};
use crate::send::outgoing::Quoted;

/// Longest `url`, bytes.
const MOST_URL: u32 = 2048;
/// Longest `caption`, bytes.
const MOST_CAPTION: u32 = 4096;
/// Longest `text`, bytes.
const MOST_TEXT: u32 = 64 << 10;
/// Most `mentions`.
const MOST_MENTIONS: usize = 256;

const FIELDS: [&str; 13] = [
    "session",
    "chatId",
    "type",
    "text",
    "linkPreview",
    "url",
    "base64",
    "caption",
    "filename",
    "ptt",
    "quotedMessage",
    "mentions",
    "isForwarded",
];
const QUOTED_FIELDS: [&str; 3] = ["id", "participant", "fromMe"];

/// Reads a request. `open` is called when a file begins, and what it opens gets the decoded bytes;
/// when reading fails after that, it is dropped.
///
/// Blocks, as `body` and the sink do.
pub fn read<R: Read, W: Write>(
    body: R,
    open: impl FnOnce() -> io::Result<W>,
) -> Result<Request<W>, RequestError> {
    let mut body = Body::new(body);
    let mut draft = Draft::default();
    let mut seen = Seen::default();
    let mut open = Some(open);
    body.begin_object("")?;
    while let Some(field) = body.next_field("", &FIELDS, &mut seen)? {
        match field {
            "base64" => draft.file = file(&mut body, &draft, open.take())?,
            _ => small(&mut body, &mut draft, field)?,
        }
    }
    body.end_object()?;
    body.end()?;
    Ok(draft.check()?)
}

/// Reads a field that is kept in memory.
fn small<R: Read, W>(
    body: &mut Body<R>,
    draft: &mut Draft<W>,
    field: &str,
) -> Result<(), RequestError> {
    let pointer = format!("/{field}");
    let at = pointer.as_str();
    match field {
        "session" => draft.session = Some(value::session(body.string(at, 64)?)?),
        "chatId" => draft.chat_id = Some(value::chat(&body.string(at, MOST_JID)?)?),
        "type" => draft.type_ = Some(value::type_of(&body.string(at, 64)?)?),
        "text" => draft.text = Some(body.string(at, MOST_TEXT)?),
        "linkPreview" => draft.link_preview = Some(body.bool(at)?),
        "url" if draft.file.is_some() => return Err(two_files(at).into()),
        "url" => draft.file = Some(Source::Url(value::url(body.string(at, MOST_URL)?)?)),
        "caption" => draft.caption = Some(body.string(at, MOST_CAPTION)?),
        "filename" => draft.filename = Some(value::file_name(body.string(at, 255)?)?),
        "ptt" => draft.ptt = Some(body.bool(at)?),
        "quotedMessage" => draft.quoted = Some(quoted(body)?),
        "mentions" => draft.mentions = mentions(body)?,
        _ => draft.is_forwarded = body.bool(at)?,
    }
    Ok(())
}

/// Decodes the file, unless it is known already that there may be none.
fn file<R: Read, W: Write>(
    body: &mut Body<R>,
    draft: &Draft<W>,
    open: Option<impl FnOnce() -> io::Result<W>>,
) -> Result<Option<Source<W>>, RequestError> {
    const AT: &str = "/base64";
    if draft.type_ == Some(RequestType::Text) {
        return Err(not_with(AT, RequestType::Text).into());
    }
    let (None, Some(open)) = (&draft.file, open) else {
        return Err(two_files(AT).into());
    };
    let decoded = body.file(AT, |text| {
        let mut sink = open().map_err(EncodedError::Sink)?;
        encoded::decode(text, &mut sink, MOST_BASE64)?;
        Ok(Source::Base64(sink))
    })?;
    decoded.map(Some).map_err(|error| match error {
        EncodedError::TooLong => {
            let message = format!("base64 is longer than {MOST_BASE64} characters");
            Refusal::too_large(message).at(AT).into()
        }
        EncodedError::Text(error) => body.string_failed(&error),
        EncodedError::Invalid => Refusal::invalid(AT, "not base64 (standard alphabet)").into(),
        EncodedError::DataUrl => Refusal::invalid(AT, "a data URL without ;base64,").into(),
        EncodedError::Empty => Refusal::invalid(AT, "the file is empty").into(),
        EncodedError::Sink(error) => RequestError::Sink(error),
    })
}

fn quoted<R: Read>(body: &mut Body<R>) -> Result<Quoted, RequestError> {
    const AT: &str = "/quotedMessage";
    let (mut id, mut participant, mut from_me) = (None, None, false);
    let mut seen = Seen::default();
    body.begin_object(AT)?;
    while let Some(field) = body.next_field(AT, &QUOTED_FIELDS, &mut seen)? {
        let pointer = format!("{AT}/{field}");
        match field {
            "id" => id = Some(value::message_id(&pointer, body.string(&pointer, 128)?)?),
            "participant" => {
                participant = Some(value::person(&pointer, &body.string(&pointer, MOST_JID)?)?);
            }
            _ => from_me = body.bool(&pointer)?,
        }
    }
    body.end_object()?;
    let id = id.ok_or_else(|| {
        Refusal::new("missing_field", "quotedMessage needs the id of the message")
            .at("/quotedMessage/id")
    })?;
    Ok(Quoted {
        id,
        participant,
        from_me,
    })
}

fn mentions<R: Read>(body: &mut Body<R>) -> Result<Vec<String>, RequestError> {
    const AT: &str = "/mentions";
    let mut mentions = Vec::new();
    body.begin_array(AT)?;
    while body.has_next()? {
        if mentions.len() == MOST_MENTIONS {
            return Err(Refusal::invalid(AT, format!("more than {MOST_MENTIONS}")).into());
        }
        let pointer = format!("{AT}/{}", mentions.len());
        mentions.push(value::person(&pointer, &body.string(&pointer, MOST_JID)?)?);
    }
    body.end_array()?;
    Ok(mentions)
}
