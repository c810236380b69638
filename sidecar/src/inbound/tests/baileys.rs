//! Baileys' shapes, from posted body to media reference.

use serde_json::{Value, json};

use super::{image, key, placeholder, post, received, upsert, web_message};
use crate::inbound::Format;
use crate::media::MediaKind;
use crate::message::Event;

fn image_message() -> Value {
    web_message(&json!({"imageMessage": image()}))
}

#[test]
fn an_upsert_with_an_image_is_understood() {
    let parsed = post(&upsert(&[image_message()]));
    assert_eq!((parsed.format, parsed.ignored), (Format::Baileys, 0));
    let incoming = &parsed.messages[0];
    assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!(incoming.key.id, "3EB0C431C26A1916E07A");
    assert_eq!(incoming.sender_phone.as_deref(), Some("5511999999999"));
    assert_eq!(incoming.timestamp, Some(1_736_937_000));
    assert_eq!(incoming.push_name.as_deref(), Some("John Doe"));
    let content = received(&parsed);
    assert_eq!(content.kind, "image");
    assert_eq!(content.caption.as_deref(), Some("Praia"));
    let media = &content.media[0];
    assert_eq!((media.kind, &media.fault), (MediaKind::Image, &None));
    assert_eq!(media.media_key.as_ref().unwrap().0, *key());
    assert_eq!(media.file_length, Some(60));
    assert_eq!(media.mime_type.as_deref(), Some("image/jpeg"));
    assert_eq!((media.width, media.height), (Some(1600), Some(1200)));
    assert!(
        media
            .direct_path
            .as_deref()
            .unwrap()
            .ends_with("_nc_sid=5e03e0")
    );
    assert!(media.sha256.is_some() && media.enc_sha256.is_some());
    assert_eq!(
        media.jpeg_thumbnail.as_ref().unwrap()[..3],
        [0xff, 0xd8, 0xff]
    );
}

#[test]
fn every_envelope_of_an_upsert_is_read() {
    let one = image_message();
    for body in [
        json!({"event": "messages.upsert", "data": {"messages": [one], "type": "append"}}),
        json!({"event": "messages.upsert", "sessionId": "x", "data": {"messages": [one], "type": "notify"}}),
        json!({"event": "messages.upsert", "data": [one]}),
        json!({"type": "notify", "messages": [one]}),
        json!({"type": "append", "messages": [one], "requestId": "x"}),
        json!({"messages": [one]}),
        json!({"messages.upsert": {"messages": [one], "type": "notify"}}),
        json!([one]),
        json!([{"event": "messages.upsert", "data": {"messages": [one], "type": "notify"}}]),
        one.clone(),
    ] {
        let parsed = post(&body);
        assert_eq!(parsed.format, Format::Baileys, "{body}");
        assert_eq!(received(&parsed).media.len(), 1, "{body}");
    }
}

#[test]
fn several_messages_keep_their_order() {
    let with_id = |id: &str| {
        let mut message = web_message(&json!({"conversation": id}));
        message["key"]["id"] = id.into();
        message
    };
    let parsed = post(&upsert(&[with_id("A"), with_id("B"), with_id("C")]));
    let ids: Vec<_> = parsed
        .messages
        .iter()
        .map(|it| it.key.id.as_str())
        .collect();
    assert_eq!(ids, ["A", "B", "C"]);
}

#[test]
fn events_that_are_no_messages_are_ignored() {
    for event in [
        "connection.update",
        "creds.update",
        "messages.update",
        "messages.reaction",
        "messages.media-update",
        "message-receipt.update",
        "messaging-history.set",
        "presence.update",
        "chats.upsert",
        "contacts.update",
        "groups.update",
        "group-participants.update",
        "call",
        "labels.edit",
        "blocklist.set",
        "lid-mapping.update",
        "newsletter.view",
    ] {
        let parsed = post(&json!({"event": event, "data": {"qr": "2@abc"}}));
        assert_eq!((parsed.messages.len(), parsed.ignored), (0, 1), "{event}");
    }
    let both = post(&json!({
        "connection.update": {"connection": "open"},
        "messages.upsert": {"messages": [image_message()], "type": "notify"}
    }));
    assert_eq!((both.messages.len(), both.ignored), (1, 1));
}

#[test]
fn group_notices_and_device_messages_are_ignored() {
    let notice = json!({
        "key": {"remoteJid": "1@g.us", "fromMe": false, "id": "A", "participant": "2@s.whatsapp.net"},
        "messageStubType": "GROUP_PARTICIPANT_ADD", "messageStubParameters": ["3@s.whatsapp.net"]
    });
    let mut by_number = notice.clone();
    by_number["messageStubType"] = 27.into();
    let keys = web_message(&json!({"senderKeyDistributionMessage": {"groupId": "1@g.us"}}));
    let history = web_message(&json!({"protocolMessage": {"type": "HISTORY_SYNC_NOTIFICATION"}}));
    let parsed = post(&upsert(&[notice, by_number, keys, history]));
    assert_eq!((parsed.messages.len(), parsed.ignored), (0, 4));
}

#[test]
fn what_could_not_be_decrypted_is_a_placeholder() {
    let mut stub = web_message(&Value::Null);
    stub["messageStubType"] = 2.into();
    stub["messageStubParameters"] = json!(["Message absent from node"]);
    assert_eq!(placeholder(&post(&stub)), "ciphertext");
    stub["messageStubType"] = "CIPHERTEXT".into();
    assert_eq!(placeholder(&post(&stub)), "ciphertext");
    stub["key"]["isViewOnce"] = true.into();
    assert_eq!(placeholder(&post(&stub)), "view_once_unavailable");
    assert_eq!(placeholder(&post(&web_message(&json!({})))), "no_content");
    // Content counts, whatever the stub says.
    stub["message"] = json!({"conversation": "hi"});
    assert_eq!(received(&post(&stub)).text.as_deref(), Some("hi"));
}

#[test]
fn the_phone_number_is_found_under_each_versions_name() {
    let direct = |names: &Value| {
        let mut message = web_message(&json!({"conversation": "hi"}));
        message["key"]["remoteJid"] = "249868741992573@lid".into();
        for (name, value) in names.as_object().unwrap() {
            message["key"][name] = value.clone();
        }
        post(&message).messages.remove(0)
    };
    for names in [
        json!({"remoteJidAlt": "5511999999999@s.whatsapp.net"}),
        json!({"senderPn": "5511999999999@s.whatsapp.net"}),
    ] {
        let incoming = direct(&names);
        assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
        assert_eq!(incoming.sender_lid.as_deref(), Some("249868741992573"));
    }
    // In what the session sent, the sender's number is its own and not the chat's.
    let sent = direct(&json!({"senderPn": "5511000000000@s.whatsapp.net", "fromMe": true}));
    assert_eq!(sent.key.chat, "249868741992573@lid");
}

#[test]
fn a_group_members_phone_number_is_found_under_each_versions_name() {
    for name in ["participantAlt", "participantPn", "senderPn"] {
        let mut message = web_message(&json!({"conversation": "hi"}));
        message["key"]["remoteJid"] = "120363025246125486@g.us".into();
        message["key"]["participant"] = "249868741992573:4@lid".into();
        message["key"][name] = "5511999999999:4@s.whatsapp.net".into();
        let incoming = post(&message).messages.remove(0);
        assert_eq!(
            incoming.key.participant.as_deref(),
            Some("5511999999999@s.whatsapp.net"),
            "{name}"
        );
    }
    let mut message = web_message(&json!({"conversation": "hi"}));
    message["key"]["remoteJid"] = "status@broadcast".into();
    message["participant"] = "5511999999999@c.us".into();
    let incoming = post(&message).messages.remove(0);
    assert_eq!(
        incoming.key.participant.as_deref(),
        Some("5511999999999@s.whatsapp.net")
    );
}

#[test]
fn edits_revokes_and_reactions_are_read_by_name_and_by_number() {
    let event = |message: &Value| post(&web_message(message)).messages.remove(0).event;
    for kind in [json!("MESSAGE_EDIT"), json!(14)] {
        let edit = json!({"editedMessage": {"message": {"protocolMessage": {
            "key": {"id": "TARGET"}, "type": kind,
            "editedMessage": {"extendedTextMessage": {"text": "fixed"}}
        }}}});
        match event(&edit) {
            Event::Edited { target, content } => {
                assert_eq!(
                    (target.as_str(), content.text.as_deref()),
                    ("TARGET", Some("fixed"))
                );
            }
            other => panic!("{other:?}"),
        }
    }
    for kind in [json!("REVOKE"), json!(0)] {
        let revoke = json!({"protocolMessage": {"key": {"id": "TARGET"}, "type": kind}});
        assert!(matches!(event(&revoke), Event::Revoked { target } if target == "TARGET"));
    }
    let reaction = json!({"reactionMessage": {"key": {"id": "TARGET"}, "text": "👍"}});
    assert!(matches!(event(&reaction), Event::Reaction { reaction, .. } if reaction == "👍"));
    let vote = json!({"pollUpdateMessage": {"pollCreationMessageKey": {"id": "POLL"}}});
    assert!(matches!(event(&vote), Event::Vote { target } if target == "POLL"));
}

#[test]
fn wrappers_album_and_quote_are_read_from_json() {
    let parsed = post(&web_message(&json!({
        "messageContextInfo": {"messageAssociation": {
            "associationType": "MEDIA_ALBUM", "parentMessageKey": {"id": "ALBUM"}, "messageIndex": 1
        }},
        "ephemeralMessage": {"message": {"viewOnceMessageV2": {"message": {"imageMessage": {
            "caption": "two wrappers", "mediaKey": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "contextInfo": {"stanzaId": "QUOTED", "isForwarded": true,
                "quotedMessage": {"imageMessage": {"mediaKey": "AA=="}}}
        }}}}}
    })));
    let content = received(&parsed);
    assert_eq!(content.media.len(), 1);
    assert!(content.view_once && content.forwarded);
    assert_eq!(content.quoted_id.as_deref(), Some("QUOTED"));
    assert_eq!(content.association.as_ref().unwrap().parent_id, "ALBUM");
}

#[test]
fn timestamps_are_read_in_every_rendering() {
    for time in [
        json!(1_736_937_000),
        json!("1736937000"),
        json!(1_736_937_000_123_i64),
        json!({"low": 1_736_937_000, "high": 0, "unsigned": true}),
    ] {
        let mut message = web_message(&json!({"conversation": "hi"}));
        message["messageTimestamp"] = time.clone();
        assert_eq!(
            post(&message).messages[0].timestamp,
            Some(1_736_937_000),
            "{time}"
        );
    }
    for time in [Value::Null, json!(0), json!("soon"), json!(-5)] {
        let mut message = web_message(&json!({"conversation": "hi"}));
        message["messageTimestamp"] = time.clone();
        assert_eq!(post(&message).messages[0].timestamp, None, "{time}");
    }
}
