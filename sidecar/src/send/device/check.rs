//! What a linked device does not send. Pure.

use crate::{
    message::identity::has_participants,
    send::{Content, Outgoing, OutgoingKind, gateway::Unsupported},
};

/// Posts to the followers of an account.
const STATUS: &str = "status@broadcast";

/// Refuses by its field what can't be sent as it was asked.
///
/// # Errors
///
/// [`Unsupported`]: nothing is left out of a message.
pub fn check(message: &Outgoing) -> Result<(), Unsupported> {
    let refuse = |pointer, words: &str| {
        Err(Unsupported {
            pointer,
            message: words.to_owned(),
        })
    };
    if message.chat == STATUS {
        return refuse("/chatId", "a linked device can't post a status here");
    }
    match &message.content {
        Content::File(_) if message.chat.ends_with("@newsletter") => {
            return refuse("/type", "files to channels can't be sent here");
        }
        Content::File(file) if file.caption.is_some() => match file.kind {
            OutgoingKind::Audio { .. } => return refuse("/caption", "sound can't have a caption"),
            OutgoingKind::Sticker => return refuse("/caption", "a sticker can't have a caption"),
            OutgoingKind::Image | OutgoingKind::Video | OutgoingKind::Document => {}
        },
        Content::Text {
            link_preview: Some(true),
            ..
        } => return refuse("/linkPreview", "a linked device makes no previews of links"),
        Content::File(_) | Content::Text { .. } => {}
    }
    match &message.quoted {
        Some(quoted)
            if quoted.participant.is_none()
                && !quoted.from_me
                && has_participants(&message.chat) =>
        {
            refuse(
                "/quotedMessage/participant",
                "a message of a group is quoted with who sent it",
            )
        }
        _ => Ok(()),
    }
}
