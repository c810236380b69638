//! Which fields go together. Pure.

use super::error::{Refusal, shown};
use super::value::is_mentioned;
use super::{Request, RequestType, Source};
use crate::send::outgoing::Quoted;

/// A request as far as it has been read: each value good by itself.
pub(super) struct Draft<W> {
    pub(super) session: Option<String>,
    pub(super) chat_id: Option<String>,
    pub(super) type_: Option<RequestType>,
    pub(super) text: Option<String>,
    pub(super) caption: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) ptt: Option<bool>,
    pub(super) link_preview: Option<bool>,
    pub(super) quoted: Option<Quoted>,
    pub(super) mentions: Vec<String>,
    pub(super) is_forwarded: bool,
    pub(super) file: Option<Source<W>>,
}

/// By hand: a sink needs no default.
impl<W> Default for Draft<W> {
    fn default() -> Self {
        Self {
            session: None,
            chat_id: None,
            type_: None,
            text: None,
            caption: None,
            filename: None,
            ptt: None,
            link_preview: None,
            quoted: None,
            mentions: Vec::new(),
            is_forwarded: false,
            file: None,
        }
    }
}

// === impl Draft ===

impl<W> Draft<W> {
    /// The request, if its fields are those of its type.
    pub(super) fn check(self) -> Result<Request<W>, Refusal> {
        let type_ = self.type_.ok_or_else(|| missing("type"))?;
        self.fields_of(type_)?;
        // Many clients send an empty caption when there is none.
        let caption = self.caption.filter(|caption| !caption.is_empty());
        let words = self.text.as_deref().or(caption.as_deref());
        let mentions = mentioned(self.mentions, words.unwrap_or_default())?;
        Ok(Request {
            session: self.session,
            chat_id: self.chat_id.ok_or_else(|| missing("chatId"))?,
            type_,
            text: self.text,
            caption,
            filename: self.filename,
            ptt: self.ptt.unwrap_or(true),
            link_preview: self.link_preview,
            quoted: self.quoted,
            mentions,
            is_forwarded: self.is_forwarded,
            file: self.file,
        })
    }

    /// Refuses what does not go with the type, and a type without what it needs.
    fn fields_of(&self, type_: RequestType) -> Result<(), Refusal> {
        use RequestType::{File, Image, Text, Video, Voice};
        let file = match &self.file {
            Some(Source::Url(_)) => "/url",
            _ => "/base64",
        };
        let captioned = matches!(type_, Image | Video | File);
        for (pointer, present, allowed) in [
            ("/text", self.text.is_some(), type_ == Text),
            ("/linkPreview", self.link_preview.is_some(), type_ == Text),
            (file, self.file.is_some(), type_ != Text),
            ("/caption", self.caption.is_some(), captioned),
            ("/filename", self.filename.is_some(), type_ != Text),
            ("/ptt", self.ptt.is_some(), type_ == Voice),
        ] {
            if present && !allowed {
                return Err(not_with(pointer, type_));
            }
        }
        match (type_, &self.text) {
            (Text, None) => return Err(missing("text")),
            (Text, Some(text)) if text.is_empty() => {
                return Err(Refusal::invalid("/text", "text is empty"));
            }
            (Text, Some(_)) => {}
            _ if self.file.is_none() => return Err(no_file(type_)),
            (File, _) if self.filename.is_none() => return Err(missing("filename")),
            _ => {}
        }
        Ok(())
    }
}

/// Each mention once, all of them standing in the words.
fn mentioned(mentions: Vec<String>, words: &str) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::with_capacity(mentions.len());
    for (place, jid) in mentions.into_iter().enumerate() {
        if !is_mentioned(words, &jid) {
            let user = jid.split_once('@').map_or(jid.as_str(), |(user, _)| user);
            let message = format!("@{} does not stand in the text or caption", shown(user));
            return Err(Refusal::invalid(&format!("/mentions/{place}"), message));
        }
        if !kept.contains(&jid) {
            kept.push(jid);
        }
    }
    Ok(kept)
}

fn missing(field: &str) -> Refusal {
    Refusal::new("missing_field", format!("missing required field: {field}"))
        .at(format!("/{field}"))
}

/// A type that has a file, without one.
pub(super) fn no_file(type_: RequestType) -> Refusal {
    Refusal::new("missing_field", format!("type {type_} needs url or base64"))
}

/// A field that another type has.
pub(super) fn not_with(pointer: &str, type_: RequestType) -> Refusal {
    let field = pointer.trim_start_matches('/');
    Refusal::invalid(pointer, format!("{field} does not go with type {type_}"))
}

/// Both `url` and `base64`.
pub(super) fn two_files(pointer: &str) -> Refusal {
    Refusal::invalid(
        pointer,
        "url and base64 both stand here; one of them is enough",
    )
}
