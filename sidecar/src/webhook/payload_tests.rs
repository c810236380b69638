//! One snapshot per kind of payload: the snapshots are what an application gets to see.

use super::*;
use crate::media::{MediaKey, MediaKind, MediaType};
use crate::message::MessageKey;

const GROUP: &str = "120363001122334455@g.us";

fn incoming(event: Event) -> Incoming {
    Incoming {
        key: MessageKey {
            chat: "5511999999999@s.whatsapp.net".to_owned(),
            from_me: false,
            participant: None,
            id: "3EB0C767D1826A".to_owned(),
        },
        sender_phone: Some("5511999999999".to_owned()),
        sender_lid: None,
        timestamp: Some(1_736_937_000),
        push_name: Some("John Doe".to_owned()),
        history: false,
        event,
    }
}

fn in_group(event: Event) -> Incoming {
    let mut incoming = incoming(event);
    incoming.key.chat = GROUP.to_owned();
    incoming.key.participant = Some("5511999999999@s.whatsapp.net".to_owned());
    incoming.sender_lid = Some("990011223344".to_owned());
    incoming
}

fn text() -> Content {
    Content {
        kind: "text".to_owned(),
        text: Some("Hello!".to_owned()),
        ..Content::default()
    }
}

fn image() -> MediaReference {
    MediaReference {
        kind: MediaKind::Image,
        media_type: MediaType::Image,
        direct_path: Some("/v/t62.7118-24/1_n.enc?ccb=11-4&oh=secret&oe=67F00000".to_owned()),
        url: Some("https://mmg.whatsapp.net/v/secret".to_owned()),
        media_key: Some(MediaKey([7; 32])),
        sha256: Some([0xab; 32]),
        enc_sha256: Some([0xcd; 32]),
        file_length: Some(102_400),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: None,
        seconds: None,
        ptt: false,
        width: Some(1280),
        height: Some(720),
        streaming_sidecar: None,
        thumbnail: None,
        jpeg_thumbnail: Some(vec![1, 2, 3]),
        fault: None,
    }
}

fn with_media(kind: &str, media: MediaReference) -> Content {
    Content {
        kind: kind.to_owned(),
        media: vec![media],
        ..Content::default()
    }
}

#[test]
fn a_text_has_the_documented_members() {
    insta::assert_json_snapshot!(facts(&incoming(Event::Received(text()))));
}

#[test]
fn an_image_in_a_group_names_group_and_sender() {
    let mut content = with_media("image", image());
    content.caption = Some("Look".to_owned());
    content.association = Some(Association {
        kind: "media_album".to_owned(),
        parent_id: "3EB0ALBUM".to_owned(),
        index: Some(2),
    });
    insta::assert_json_snapshot!(facts(&in_group(Event::Received(content))));
}

#[test]
fn a_document_has_its_file_name_and_a_voice_note_its_length() {
    let document = MediaReference {
        kind: MediaKind::Document,
        file_name: Some("Q1 – report.pdf".to_owned()),
        mime_type: Some("application/pdf".to_owned()),
        width: None,
        height: None,
        ..image()
    };
    insta::assert_json_snapshot!(
        "document",
        facts(&incoming(Event::Received(with_media("document", document))))
    );
    let voice = MediaReference {
        kind: MediaKind::Audio,
        mime_type: Some("audio/ogg; codecs=opus".to_owned()),
        seconds: Some(7),
        ptt: true,
        width: None,
        height: None,
        ..image()
    };
    insta::assert_json_snapshot!(
        "voice",
        facts(&incoming(Event::Received(with_media("audio", voice))))
    );
}

#[test]
fn quotes_mentions_and_flags_are_told() {
    let mut content = text();
    content.quoted_id = Some("3EB0QUOTED".to_owned());
    content.mentions = vec!["5511888888888@s.whatsapp.net".to_owned()];
    content.forwarded = true;
    content.view_once = true;
    insta::assert_json_snapshot!(facts(&incoming(Event::Received(content))));
}

#[test]
fn the_senders_faults_are_told_as_media_errors() {
    let faulty = MediaReference {
        fault: Some("mediaKey is 31 bytes long".to_owned()),
        ..image()
    };
    let of_media = facts(&incoming(Event::Received(with_media("image", faulty))));
    insta::assert_json_snapshot!("media_fault", of_media);
    let content = Content {
        kind: "unknown".to_owned(),
        fault: Some("nested too deep".to_owned()),
        ..Content::default()
    };
    let of_message = facts(&incoming(Event::Received(content)));
    assert_eq!(of_message["mediaError"]["message"], "nested too deep");
}

#[test]
fn edits_revocations_reactions_and_votes_name_their_target() {
    let target = || "3EB0TARGET".to_owned();
    let edited = Event::Edited {
        target: target(),
        content: text(),
    };
    let reaction = Event::Reaction {
        target: target(),
        reaction: "👍".to_owned(),
    };
    insta::assert_json_snapshot!("edited", facts(&incoming(edited)));
    insta::assert_json_snapshot!(
        "revoked",
        facts(&in_group(Event::Revoked { target: target() }))
    );
    insta::assert_json_snapshot!("reaction", facts(&incoming(reaction)));
    insta::assert_json_snapshot!("vote", facts(&incoming(Event::Vote { target: target() })));
}

#[test]
fn a_removed_reaction_is_an_empty_one() {
    let event = Event::Reaction {
        target: "T".to_owned(),
        reaction: String::new(),
    };
    assert_eq!(facts(&incoming(event))["reaction"], "");
}

#[test]
fn only_placeholders_that_stay_so_are_announced() {
    let placeholder = |reason| incoming(Event::Placeholder { reason });
    assert_eq!(event_name(&placeholder("ciphertext")), None);
    assert_eq!(event_name(&placeholder("undecryptable")), None);
    let masked = placeholder("masked_on_linked_devices");
    assert_eq!(event_name(&masked), Some("message.received"));
    let view_once = placeholder("view_once_unavailable");
    assert_eq!(event_name(&view_once), Some("message.received"));
    insta::assert_json_snapshot!(facts(&view_once));
}

#[test]
fn a_lid_without_a_phone_number_is_mode_lid() {
    let mut incoming = incoming(Event::Received(text()));
    incoming.key.chat = "990011223344@lid".to_owned();
    incoming.sender_phone = None;
    let expected = json!({"lid": "990011223344@lid", "mode": "lid"});
    assert_eq!(facts(&incoming)["from"], expected);
    incoming.sender_phone = Some("5511999999999".to_owned());
    let expected =
        json!({"phoneNumber": "+5511999999999", "lid": "990011223344@lid", "mode": "pn"});
    assert_eq!(facts(&incoming)["from"], expected);
}

#[test]
fn own_messages_are_not_said_to_come_from_the_other_side() {
    let mut incoming = incoming(Event::Received(text()));
    incoming.key.from_me = true;
    incoming.sender_phone = None;
    let facts = facts(&incoming);
    assert_eq!(facts["from"], json!({"mode": "pn"}));
    assert_eq!(facts["chatId"], "5511999999999@s.whatsapp.net");
    assert_eq!(facts["fromMe"], true);
}

#[test]
fn newsletters_and_status_are_named_by_id() {
    let mut newsletter = incoming(Event::Received(text()));
    newsletter.key.chat = "120363111@newsletter".to_owned();
    newsletter.sender_phone = None;
    let told = facts(&newsletter);
    assert_eq!(told["from"], json!({"id": "120363111@newsletter"}));
    assert_eq!(told.get("sender"), None);
    assert_eq!(told["isGroup"], false);
    let mut status = in_group(Event::Received(text()));
    status.key.chat = "status@broadcast".to_owned();
    let told = facts(&status);
    assert_eq!(told["from"], json!({"id": "status@broadcast"}));
    assert_eq!(told["sender"]["phoneNumber"], "+5511999999999");
}

#[test]
fn keys_paths_and_thumbnails_stay_inside() {
    let told = facts(&incoming(Event::Received(with_media("image", image())))).to_string();
    for secret in [
        "mediaKey",
        "directPath",
        "secret",
        "whatsapp.net/v",
        "cdcdcd",
        "Thumbnail",
    ] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn history_says_so_and_nothing_else_does() {
    let live = incoming(Event::Received(text()));
    assert_eq!(facts(&live).get("history"), None);
    let history = Incoming {
        history: true,
        ..live
    };
    assert_eq!(facts(&history)["history"], true);
}
