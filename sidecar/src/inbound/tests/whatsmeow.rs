//! whatsmeow's events: Go's casing, oneofs one level deeper, the message in two members.

use serde_json::{Value, json};

use super::{image, key, placeholder, post, received};
use crate::inbound::Format;
use crate::message::Event;

fn info() -> Value {
    json!({
        "Chat": "5511999999999@s.whatsapp.net", "Sender": "5511999999999:12@s.whatsapp.net",
        "IsFromMe": false, "IsGroup": false, "AddressingMode": "", "SenderAlt": "249868741992573:12@lid",
        "RecipientAlt": "", "BroadcastListOwner": "", "BroadcastRecipients": null,
        "ID": "3EB0C431C26A1916E07A", "ServerID": 0, "Type": "media", "PushName": "John Doe",
        "Timestamp": "2025-01-15T07:30:00-03:00", "Category": "", "Multicast": false, "MediaType": "image",
        "Edit": "", "MsgBotInfo": {"EditType": ""}, "VerifiedName": null, "DeviceSentMeta": null
    })
}

fn go_image() -> Value {
    let image = image();
    json!({
        "URL": image["url"], "mimetype": "image/jpeg", "fileSHA256": image["fileSha256"], "fileLength": 60,
        "mediaKey": image["mediaKey"], "fileEncSHA256": image["fileEncSha256"],
        "directPath": image["directPath"], "mediaKeyTimestamp": 1_736_936_990, "JPEGThumbnail": "/9j/"
    })
}

fn event(message: &Value) -> Value {
    json!({
        "Info": info(), "Message": message, "IsEphemeral": false, "IsViewOnce": false,
        "IsViewOnceV2": false, "IsViewOnceV2Extension": false, "IsDocumentWithCaption": false,
        "IsLottieSticker": false, "IsEdit": false, "SourceWebMsg": null, "UnavailableRequestID": "",
        "RetryCount": 0, "NewsletterMeta": null, "RawMessage": message
    })
}

#[test]
fn an_event_with_an_image_is_understood_and_counted_once() {
    let parsed = post(&event(&json!({"imageMessage": go_image()})));
    assert_eq!((parsed.format, parsed.ignored), (Format::Whatsmeow, 0));
    let incoming = &parsed.messages[0];
    assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!(incoming.key.participant, None);
    assert_eq!(incoming.timestamp, Some(1_736_937_000));
    assert_eq!(incoming.sender_phone.as_deref(), Some("5511999999999"));
    assert_eq!(incoming.sender_lid.as_deref(), Some("249868741992573"));
    assert_eq!(incoming.push_name.as_deref(), Some("John Doe"));
    let media = &received(&parsed).media;
    assert_eq!(media.len(), 1);
    assert_eq!(media[0].fault, None);
    assert_eq!(media[0].media_key.as_ref().unwrap().0, *key());
    assert!(media[0].jpeg_thumbnail.is_some());
}

#[test]
fn the_raw_message_tells_what_the_unwrapped_one_lost() {
    let mut body = event(&json!({"imageMessage": go_image()}));
    body["RawMessage"] = json!({"viewOnceMessageV2": {"message": {"imageMessage": go_image()}}});
    let parsed = post(&body);
    assert!(received(&parsed).view_once);
    assert_eq!(received(&parsed).media.len(), 1);
    body["RawMessage"] = Value::Null;
    body["IsViewOnceV2"] = true.into();
    assert!(received(&post(&body)).view_once);
}

#[test]
fn oneofs_are_read_one_level_deeper_and_in_place() {
    let image = go_image();
    for message in [
        json!({"buttonsMessage": {"contentText": "hi", "Header": {"ImageMessage": image}}}),
        json!({"buttonsMessage": {"contentText": "hi", "imageMessage": image}}),
        json!({"templateMessage": {"Format": {"HydratedFourRowTemplate":
            {"hydratedContentText": "hi", "Title": {"ImageMessage": image}}}}}),
        json!({"templateMessage": {"hydratedFourRowTemplate":
            {"hydratedContentText": "hi", "imageMessage": image}}}),
        json!({"templateMessage": {"Format": {"FourRowTemplate": {"Title": {"ImageMessage": image}}}}}),
        json!({"templateMessage": {"Format": {"InteractiveMessageTemplate":
            {"header": {"Media": {"ImageMessage": image}}}}}}),
        json!({"templateMessage": {"hydratedTemplate": {"Title": {"ImageMessage": image}}}}),
        json!({"interactiveMessage": {"header": {"Media": {"ImageMessage": image}}}}),
        json!({"interactiveMessage": {"InteractiveMessage": {"CarouselMessage": {"cards": [
            {"header": {"Media": {"ImageMessage": image}}}]}}}}),
        json!({"interactiveMessage": {"carouselMessage": {"cards": [
            {"header": {"imageMessage": image}}]}}}),
        json!({"interactiveMessage": {"header": {"Media": {"ProductMessage":
            {"product": {"productImage": image}}}}}}),
        json!({"productMessage": {"product": {"productImage": image}}}),
        json!({"productMessage": {"catalog": {"catalogImage": image}}}),
        json!({"highlyStructuredMessage": {"hydratedHsm": {"Format": {"HydratedFourRowTemplate":
            {"Title": {"ImageMessage": image}}}}}}),
    ] {
        let parsed = post(&event(&message));
        let content = received(&parsed);
        assert_eq!(content.kind, "image", "{message}");
        assert_eq!(content.media.len(), 1, "{message}");
        assert_eq!(content.media[0].fault, None, "{message}");
    }
    let footer =
        json!({"interactiveMessage": {"footer": {"Media": {"AudioMessage": {"PTT": true}}}}});
    assert!(received(&post(&event(&footer))).media[0].ptt);
}

#[test]
fn a_group_message_is_known_by_its_senders_phone_number() {
    let mut body = event(&json!({"conversation": "hi"}));
    body["Info"]["Chat"] = "120363025246125486@g.us".into();
    body["Info"]["IsGroup"] = true.into();
    body["Info"]["Sender"] = "249868741992573:12@lid".into();
    body["Info"]["SenderAlt"] = "5511999999999:12@s.whatsapp.net".into();
    let incoming = post(&body).messages.remove(0);
    assert_eq!(incoming.key.chat, "120363025246125486@g.us");
    assert_eq!(
        incoming.key.participant.as_deref(),
        Some("5511999999999@s.whatsapp.net")
    );
}

#[test]
fn an_own_message_is_in_the_receivers_chat() {
    let mut body = event(&json!({"conversation": "hi"}));
    body["Info"]["Chat"] = "249868741992573@lid".into();
    body["Info"]["Sender"] = "5511000000000:1@s.whatsapp.net".into();
    body["Info"]["SenderAlt"] = "".into();
    body["Info"]["RecipientAlt"] = "5511999999999@s.whatsapp.net".into();
    body["Info"]["IsFromMe"] = true.into();
    let incoming = post(&body).messages.remove(0);
    assert_eq!(incoming.key.chat, "5511999999999@s.whatsapp.net");
    assert_eq!(incoming.sender_phone.as_deref(), Some("5511000000000"));
}

#[test]
fn jids_that_older_versions_write_as_structs_are_read() {
    let mut body = event(&json!({"conversation": "hi"}));
    body["Info"]["Chat"] =
        json!({"User": "5511999999999", "Agent": 0, "Device": 3, "Server": "s.whatsapp.net"});
    assert_eq!(
        post(&body).messages[0].key.chat,
        "5511999999999@s.whatsapp.net"
    );
}

#[test]
fn undecryptable_events_are_placeholders() {
    for (more, reason) in [
        (
            json!({"IsUnavailable": true, "UnavailableType": "view_once", "DecryptFailMode": ""}),
            "view_once_unavailable",
        ),
        (
            json!({"IsUnavailable": true, "UnavailableType": "", "DecryptFailMode": ""}),
            "unavailable",
        ),
        (
            json!({"IsUnavailable": false, "UnavailableType": "", "DecryptFailMode": "hide"}),
            "undecryptable",
        ),
        (json!({}), "no_content"),
    ] {
        let mut body = more;
        body["Info"] = info();
        assert_eq!(placeholder(&post(&body)), reason);
    }
}

#[test]
fn protojson_is_read_in_an_event_and_as_a_web_message() {
    let mut image = go_image();
    image["fileLength"] = "60".into();
    assert_eq!(
        received(&post(&event(&json!({"imageMessage": image})))).media[0].fault,
        None
    );
    let parsed = post(&json!({
        "key": {"remoteJID": "5511999999999@s.whatsapp.net", "fromMe": true, "ID": "ABC"},
        "message": {"imageMessage": image}, "messageTimestamp": "1736937000"
    }));
    assert_eq!(parsed.format, Format::Whatsmeow);
    assert!(parsed.messages[0].key.from_me);
    assert_eq!(received(&parsed).media[0].fault, None);
}

#[test]
fn an_edit_is_read_from_go_casing() {
    let body = event(&json!({"protocolMessage": {
        "key": {"remoteJID": "5511999999999@s.whatsapp.net", "fromMe": false, "ID": "TARGET"},
        "type": 14, "editedMessage": {"conversation": "fixed"}, "timestampMS": 1_736_937_000_000_i64
    }}));
    match post(&body).messages.remove(0).event {
        Event::Edited { target, content } => {
            assert_eq!(
                (target.as_str(), content.text.as_deref()),
                ("TARGET", Some("fixed"))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_that_are_no_messages_are_ignored() {
    for body in [
        json!({"Chat": "1@s.whatsapp.net", "Sender": "1@s.whatsapp.net", "IsFromMe": false, "IsGroup": false,
            "MessageIDs": ["A"], "Timestamp": "2025-01-15T10:30:00Z", "Type": "read", "MessageSender": ""}),
        json!({"Codes": ["2@abc"]}),
        json!({"ID": "1:2@s.whatsapp.net", "LID": "", "BusinessName": "", "Platform": "android"}),
        json!({"From": "1@s.whatsapp.net", "Unavailable": true, "LastSeen": "2025-01-15T10:30:00Z"}),
        json!({"OnConnect": false, "Reason": 401}),
    ] {
        let parsed = post(&body);
        assert_eq!(
            (parsed.format, parsed.ignored),
            (Format::Whatsmeow, 1),
            "{body}"
        );
        assert!(parsed.messages.is_empty());
    }
}
