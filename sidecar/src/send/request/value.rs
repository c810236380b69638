//! What a single value of a request must look like. Pure.

use super::RequestType;
use super::error::{Refusal, shown};
use crate::message::identity::normalise_jid;

/// Longest JID that is read, bytes: far more than any server makes.
pub(super) const MOST_JID: u32 = 128;

/// Types that the API knows and this service does not send.
const NOT_SENT: [&str; 3] = ["poll", "location", "contact"];

/// `^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`
pub(super) fn session(name: String) -> Result<String, Refusal> {
    let good = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if good {
        return Ok(name);
    }
    let message = format!(
        "{} is not a session's name: letters, digits and . _ - after a letter or digit, at most 64",
        shown(&name)
    );
    Err(Refusal::invalid("/session", message))
}

pub(super) fn type_of(name: &str) -> Result<RequestType, Refusal> {
    let mut all = RequestType::ALL.into_iter();
    if let Some(found) = all.find(|type_| type_.as_str() == name) {
        return Ok(found);
    }
    let taken = RequestType::ALL.map(RequestType::as_str).join(", ");
    let (code, what) = if NOT_SENT.contains(&name) {
        ("unsupported_type", "can't be sent here")
    } else {
        ("invalid_field", "is not a type")
    };
    let message = format!("{} {what}; there are {taken}", shown(name));
    Err(Refusal::new(code, message).at("/type"))
}

/// A chat's JID, normalised.
pub(super) fn chat(jid: &str) -> Result<String, Refusal> {
    let normal = normalise_jid(jid);
    let good = normal
        .split_once('@')
        .is_some_and(|(user, server)| match server {
            "s.whatsapp.net" | "lid" => is_number(user),
            "g.us" | "newsletter" => is_group(user),
            "broadcast" => user == "status",
            _ => false,
        });
    if good {
        return Ok(normal);
    }
    let message = format!(
        "{} is not a chat: {{number}}@s.whatsapp.net, {{number}}@lid, {{id}}@g.us, \
         {{id}}@newsletter or status@broadcast",
        shown(jid)
    );
    Err(Refusal::invalid("/chatId", message))
}

/// The JID of an account, normalised.
pub(super) fn person(pointer: &str, jid: &str) -> Result<String, Refusal> {
    let normal = normalise_jid(jid);
    let good = normal.split_once('@').is_some_and(|(user, server)| {
        matches!(server, "s.whatsapp.net" | "lid") && is_number(user)
    });
    if good {
        return Ok(normal);
    }
    let message = format!(
        "{} is not an account: {{number}}@s.whatsapp.net or {{number}}@lid",
        shown(jid)
    );
    Err(Refusal::invalid(pointer, message))
}

fn is_number(user: &str) -> bool {
    (1..=20).contains(&user.len()) && user.bytes().all(|b| b.is_ascii_digit())
}

/// Old groups are named after who made them and when, with a hyphen between.
fn is_group(user: &str) -> bool {
    (1..=64).contains(&user.len()) && user.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

pub(super) fn message_id(pointer: &str, id: String) -> Result<String, Refusal> {
    if !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(id);
    }
    let message = format!("{} is not the id of a message", shown(&id));
    Err(Refusal::invalid(pointer, message))
}

/// What a URL may be is decided where it is fetched; its text is never said again.
pub(super) fn url(url: String) -> Result<String, Refusal> {
    if url.is_empty() {
        return Err(Refusal::invalid("/url", "url is empty"));
    }
    Ok(url)
}

/// A name, not a path, that shows as it is: no control characters, and none that turn the
/// direction of writing around, which make `exe.jpg` of `gpj.exe`.
pub(super) fn file_name(name: String) -> Result<String, Refusal> {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let why = if name.trim().is_empty() || name == "." || name == ".." {
        "is not a name"
    } else if name.contains(['/', '\\']) {
        "is a path: only its last part can be sent"
    } else if name.contains(|c: char| c.is_control() || turns(c)) {
        "has a control character"
    } else {
        return Ok(name);
    };
    Err(Refusal::invalid(
        "/filename",
        format!("filename {} {why}", shown(&name)),
    ))
}

/// Whether `text` says `@` and the user part of `jid`, as a whole number.
pub(super) fn is_mentioned(text: &str, jid: &str) -> bool {
    let user = jid.split_once('@').map_or(jid, |(user, _)| user);
    text.split('@').skip(1).any(|rest| {
        rest.strip_prefix(user)
            .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
    })
}
