//! Every wrapper, alone, nested and too deep.

use waproto::whatsapp as wa;
use waproto::whatsapp::message as m;
use waproto::whatsapp::message_association::AssociationType;

use super::super::unwrap::MAX_DEPTH;
use super::{content, image_message, key, marks, text_message};

fn future_proof(message: wa::Message) -> m::FutureProofMessage {
    m::FutureProofMessage {
        message: message.into(),
    }
}

macro_rules! wrapped {
    ($($field:ident)*) => {
        vec![$((
            stringify!($field),
            wa::Message { $field: future_proof(image_message(7)).into(), ..Default::default() },
        )),*]
    };
}

#[test]
fn every_wrapper_is_taken_off() {
    let mut all = wrapped!(
        ephemeral_message view_once_message view_once_message_v2 view_once_message_v2_extension
        document_with_caption_message edited_message group_mentioned_message bot_invoke_message
        lottie_sticker_message event_cover_image status_mention_message
        poll_creation_option_image_message associated_child_message group_status_mention_message
        poll_creation_message_v4 status_add_yours group_status_message limit_sharing_message
        bot_task_message question_message group_status_message_v2 bot_forwarded_message
        question_reply_message newsletter_admin_profile_message
        newsletter_admin_profile_message_v2 newsletter_admin_profile_status_message spoiler_message
    );
    all.push((
        "device_sent_message",
        wa::Message {
            device_sent_message: m::DeviceSentMessage {
                message: image_message(7).into(),
                ..Default::default()
            }
            .into(),
            ..Default::default()
        },
    ));
    for (name, message) in all {
        let content = content(message);
        assert_eq!(marks(&content), [7], "{name}");
        assert_eq!(content.kind, "image", "{name}");
        assert_eq!(content.view_once, name.starts_with("view_once"), "{name}");
        assert_eq!(content.fault, None, "{name}");
    }
}

fn nested(levels: usize) -> wa::Message {
    (0..levels).fold(image_message(7), |message, level| {
        let inner = future_proof(message).into();
        if level % 2 == 0 {
            wa::Message {
                ephemeral_message: inner,
                ..Default::default()
            }
        } else {
            wa::Message {
                spoiler_message: inner,
                ..Default::default()
            }
        }
    })
}

#[test]
fn wrappers_nest_in_any_order_up_to_the_bound() {
    assert_eq!(marks(&content(nested(MAX_DEPTH))), [7]);
}

#[test]
fn deeper_wrapping_is_the_senders_fault() {
    for levels in [MAX_DEPTH + 1, 45] {
        let content = content(nested(levels));
        assert_eq!(content.media.len(), 0);
        assert_eq!(
            content.fault.as_deref(),
            Some("message is wrapped more than 16 times")
        );
    }
}

#[test]
fn a_comment_shows_its_message_and_what_it_is_about() {
    let content = content(wa::Message {
        comment_message: m::CommentMessage {
            message: text_message("nice").into(),
            target_message_key: key("TARGET").into(),
        }
        .into(),
        ..Default::default()
    });
    assert_eq!(content.text.as_deref(), Some("nice"));
    assert_eq!(content.quoted_id.as_deref(), Some("TARGET"));
}

fn associated(kind: AssociationType, index: Option<i32>) -> wa::MessageContextInfo {
    wa::MessageContextInfo {
        message_association: wa::MessageAssociation {
            association_type: Some(kind),
            parent_message_key: key("PARENT").into(),
            message_index: index,
        }
        .into(),
        ..Default::default()
    }
}

#[test]
fn an_album_picture_names_its_album() {
    let mut message = image_message(1);
    message.message_context_info = associated(AssociationType::MEDIA_ALBUM, Some(2)).into();
    let association = content(message).association.unwrap();
    assert_eq!(association.kind, "media_album");
    assert_eq!(association.parent_id, "PARENT");
    assert_eq!(association.index, Some(2));
}

#[test]
fn an_hd_twin_in_its_wrapper_names_its_parent() {
    let outside = wa::Message {
        message_context_info: associated(AssociationType::HD_IMAGE_DUAL_UPLOAD, None).into(),
        associated_child_message: future_proof(image_message(1)).into(),
        ..Default::default()
    };
    let mut inner = image_message(1);
    inner.message_context_info = associated(AssociationType::HD_IMAGE_DUAL_UPLOAD, None).into();
    let inside = wa::Message {
        associated_child_message: future_proof(inner).into(),
        ..Default::default()
    };
    for message in [outside, inside] {
        let content = content(message);
        assert_eq!(
            content.association.as_ref().unwrap().kind,
            "hd_image_dual_upload"
        );
        assert_eq!(marks(&content), [1]);
    }
}

#[test]
fn an_album_announcement_is_an_album_without_files() {
    let content = content(wa::Message {
        album_message: m::AlbumMessage {
            expected_image_count: Some(3),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    });
    assert_eq!(content.kind, "album");
    assert!(content.media.is_empty());
}
