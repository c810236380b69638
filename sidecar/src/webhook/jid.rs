//! `JIDRef`: how Titan names a person or a group in a payload (`titan-api.md` §5.3).

use serde_json::{Map, Value};

use crate::message::Incoming;

const PHONE: &str = "s.whatsapp.net";
const LID: &str = "lid";
const GROUP: &str = "g.us";

/// The server part of a JID: what follows the `@`.
fn server(jid: &str) -> &str {
    jid.split_once('@').map_or("", |(_, server)| server)
}

/// The chat is a group.
#[must_use]
pub fn is_group(chat: &str) -> bool {
    server(chat) == GROUP
}

/// `from`: the person in a direct chat; the group, newsletter or broadcast list elsewhere.
///
/// For a message that the session's own account sent in a direct chat it is that account, as far
/// as the payload names it: `chatId` tells whom it went to.
#[must_use]
pub fn from(incoming: &Incoming) -> Value {
    let key = &incoming.key;
    if !is_person(&key.chat) {
        return thing(&key.chat);
    }
    person(incoming, (!key.from_me).then_some(&key.chat))
}

/// `sender`: who sent it within a group or broadcast list; `None` in a direct chat.
#[must_use]
pub fn sender(incoming: &Incoming) -> Option<Value> {
    let key = &incoming.key;
    if is_person(&key.chat) {
        return None;
    }
    match &key.participant {
        Some(jid) if !is_person(jid) => Some(thing(jid)),
        Some(jid) => Some(person(incoming, Some(jid))),
        None if incoming.sender_phone.is_some() || incoming.sender_lid.is_some() => {
            Some(person(incoming, None))
        }
        None => None,
    }
}

fn is_person(jid: &str) -> bool {
    matches!(server(jid), PHONE | LID)
}

fn thing(jid: &str) -> Value {
    let mut map = Map::new();
    map.insert("id".to_owned(), jid.into());
    map.into()
}

/// `{phoneNumber, lid, mode}`: the sender as the payload names it, completed from `jid`. `mode` is
/// `pn` wherever the phone number is known.
fn person(incoming: &Incoming, jid: Option<&String>) -> Value {
    let user_at = |wanted: &str| {
        let (user, server) = jid?.split_once('@')?;
        (server == wanted).then_some(user)
    };
    let phone = incoming.sender_phone.as_deref().or_else(|| user_at(PHONE));
    let lid = incoming.sender_lid.as_deref().or_else(|| user_at(LID));
    let mut map = Map::new();
    if let Some(phone) = phone {
        map.insert("phoneNumber".to_owned(), format!("+{phone}").into());
    }
    if let Some(lid) = lid {
        map.insert("lid".to_owned(), format!("{lid}@{LID}").into());
    }
    let mode = if phone.is_none() && lid.is_some() {
        LID
    } else {
        "pn"
    };
    map.insert("mode".to_owned(), mode.into());
    map.into()
}
