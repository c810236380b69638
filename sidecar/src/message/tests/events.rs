//! Edits, revokes, reactions, votes and placeholders.

use waproto::whatsapp as wa;
use waproto::whatsapp::message as m;
use waproto::whatsapp::message::protocol_message::Type;

use super::super::{Envelope, Event, understand};
use super::{envelope, image_message, incoming, key, marks, text_message};

fn protocol(protocol: m::ProtocolMessage) -> wa::Message {
    wa::Message {
        protocol_message: protocol.into(),
        ..Default::default()
    }
}

fn edit(content: wa::Message) -> wa::Message {
    protocol(m::ProtocolMessage {
        key: key("TARGET").into(),
        r#type: Some(Type::MESSAGE_EDIT),
        edited_message: content.into(),
        ..Default::default()
    })
}

#[test]
fn an_edit_names_its_target_and_carries_the_new_content() {
    let wrapped = wa::Message {
        edited_message: m::FutureProofMessage {
            message: edit(text_message("fixed")).into(),
        }
        .into(),
        ..Default::default()
    };
    for message in [edit(text_message("fixed")), wrapped] {
        match incoming(message).event {
            Event::Edited { target, content } => {
                assert_eq!(target, "TARGET");
                assert_eq!(content.text.as_deref(), Some("fixed"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_edited_caption_keeps_the_file_only_if_it_comes_along() {
    let caption = m::ImageMessage {
        caption: Some("better".into()),
        ..Default::default()
    };
    let bare = wa::Message {
        image_message: caption.into(),
        ..Default::default()
    };
    let edited = |message| match incoming(edit(message)).event {
        Event::Edited { content, .. } => content,
        other => panic!("{other:?}"),
    };
    let content = edited(bare);
    assert_eq!((content.kind.as_str(), content.media.len()), ("image", 0));
    assert_eq!(content.caption.as_deref(), Some("better"));
    assert_eq!(marks(&edited(image_message(3))), [3]);
}

#[test]
fn a_revoke_is_one_only_when_it_says_so() {
    let revoke = |kind| {
        protocol(m::ProtocolMessage {
            key: key("TARGET").into(),
            r#type: kind,
            ..Default::default()
        })
    };
    match incoming(revoke(Some(Type::REVOKE))).event {
        Event::Revoked { target } => assert_eq!(target, "TARGET"),
        other => panic!("{other:?}"),
    }
    // An unknown type decodes as absent.
    assert!(understand(envelope(revoke(None))).is_none());
    assert!(understand(envelope(revoke(Some(Type::HISTORY_SYNC_NOTIFICATION)))).is_none());
}

#[test]
fn reactions_and_votes_name_their_target() {
    let reaction = |text: &str| wa::Message {
        reaction_message: m::ReactionMessage {
            key: key("TARGET").into(),
            text: Some(text.into()),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    for text in ["👍", ""] {
        match incoming(reaction(text)).event {
            Event::Reaction { target, reaction } => {
                assert_eq!((target.as_str(), reaction.as_str()), ("TARGET", text));
            }
            other => panic!("{other:?}"),
        }
    }
    let vote = wa::Message {
        poll_update_message: m::PollUpdateMessage {
            poll_creation_message_key: key("POLL").into(),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    match incoming(vote).event {
        Event::Vote { target } => assert_eq!(target, "POLL"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_content_there_is_a_placeholder_with_the_given_reason() {
    for (given, wanted) in [(Some("ciphertext"), "ciphertext"), (None, "no_content")] {
        let incoming = understand(Envelope {
            id: "A".into(),
            chat: "1@s.whatsapp.net".into(),
            placeholder: given,
            ..Envelope::default()
        });
        match incoming.unwrap().event {
            Event::Placeholder { reason } => assert_eq!(reason, wanted),
            other => panic!("{other:?}"),
        }
    }
    let masked = wa::Message {
        placeholder_message: m::PlaceholderMessage::default().into(),
        ..Default::default()
    };
    assert!(matches!(
        incoming(masked).event,
        Event::Placeholder {
            reason: "masked_on_linked_devices"
        }
    ));
}

#[test]
fn what_cannot_be_decoded_is_announced_as_the_senders_fault() {
    let incoming = understand(Envelope {
        fault: Some("message nests too deep".into()),
        ..envelope(text_message("x"))
    });
    match incoming.unwrap().event {
        Event::Received(content) => {
            assert_eq!(content.fault.as_deref(), Some("message nests too deep"));
            assert_eq!(content.kind, "unknown");
        }
        other => panic!("{other:?}"),
    }
}
