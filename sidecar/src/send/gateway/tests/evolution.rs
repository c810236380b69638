//! Evolution API.

use super::*;

fn sent(message: &Outgoing) -> (String, Value) {
    sent_to(SendType::Evolution, message)
}

fn refused(message: &Outgoing) -> &'static str {
    refused_at(SendType::Evolution, message)
}

#[test]
fn a_text_goes_to_a_number() {
    let (path, body) = sent(&message(PHONE, text("hi")));
    assert_eq!(path, "/message/sendText/shop%201%2F%C3%A4");
    assert_eq!(body, json!({"number": "5547988887777", "text": "hi"}));
    let (_, body) = sent(&message(GROUP, text("hi")));
    assert_eq!(body["number"], GROUP);
    let (_, body) = sent(&message(LID, text("hi")));
    assert_eq!(body["number"], LID);
}

#[test]
fn a_file_is_bare_base64() {
    let (path, body) = sent(&message(
        PHONE,
        with_caption(OutgoingKind::Image, "image/png", "look"),
    ));
    assert_eq!(path, "/message/sendMedia/shop%201%2F%C3%A4");
    let wanted = json!({
        "number": "5547988887777", "mediatype": "image", "mimetype": "image/png",
        "caption": "look", "media": "YWJj",
    });
    assert_eq!(body, wanted);
}

#[test]
fn each_kind_of_file_has_its_type() {
    let kinds = [
        (OutgoingKind::Image, "image/jpeg", "image"),
        (OutgoingKind::Video, "video/mp4", "video"),
        (SOUND, "audio/mpeg", "audio"),
        (OutgoingKind::Document, "application/pdf", "document"),
    ];
    for (kind, mime, wanted) in kinds {
        let (_, body) = sent(&message(PHONE, Content::File(file(kind, mime))));
        assert_eq!(body["mediatype"], wanted);
        assert_eq!(body["mimetype"], mime);
    }
}

#[test]
fn only_a_document_has_a_name() {
    let named = |kind, mime| {
        let file = Attachment {
            file_name: Some("a.png".to_owned()),
            ..file(kind, mime)
        };
        sent(&message(PHONE, Content::File(file)))
            .1
            .get("fileName")
            .cloned()
    };
    assert_eq!(named(OutgoingKind::Image, "image/png"), None);
    let document = named(OutgoingKind::Document, "image/png");
    assert_eq!(document, Some(json!("a.png")));
}

#[test]
fn a_voice_note_is_encoded_unless_it_is_ogg() {
    let (path, body) = sent(&message(
        PHONE,
        Content::File(file(VOICE, "audio/ogg; codecs=opus")),
    ));
    assert_eq!(path, "/message/sendWhatsAppAudio/shop%201%2F%C3%A4");
    let wanted = json!({"number": "5547988887777", "encoding": false, "audio": "YWJj"});
    assert_eq!(body, wanted);
    let (_, body) = sent(&message(PHONE, Content::File(file(VOICE, "audio/mpeg"))));
    assert_eq!(body["encoding"], true);
}

#[test]
fn a_sticker_is_sent_as_it_is() {
    let (path, body) = sent(&message(
        PHONE,
        Content::File(file(OutgoingKind::Sticker, "image/webp")),
    ));
    assert_eq!(path, "/message/sendSticker/shop%201%2F%C3%A4");
    let wanted = json!({"number": "5547988887777", "notConvertSticker": true, "sticker": "YWJj"});
    assert_eq!(body, wanted);
}

#[test]
fn a_quoted_message_goes_by_its_key() {
    let reply = |content, participant| Outgoing {
        quoted: Some(quoted(participant, false)),
        ..message(GROUP, content)
    };
    let (_, body) = sent(&reply(text("yes"), Some(OTHER)));
    let key = json!({
        "id": "3A00112233445566", "remoteJid": GROUP, "fromMe": false, "participant": OTHER,
    });
    assert_eq!(body["quoted"], json!({"key": key}));
    let (_, body) = sent(&reply(
        with_caption(OutgoingKind::Image, "image/png", "yes"),
        None,
    ));
    assert_eq!(body["quoted"]["key"].get("participant"), None);
    let voice = Content::File(file(VOICE, "audio/ogg"));
    assert_eq!(refused(&reply(voice, Some(OTHER))), "/quotedMessage");
}

#[test]
fn mentions_go_in_full_and_once_each() {
    let message = Outgoing {
        mentions: [OTHER, LID, OTHER].map(str::to_owned).to_vec(),
        ..message(GROUP, text("@15551230009 @98765432109876"))
    };
    assert_eq!(sent(&message).1["mentioned"], json!([OTHER, LID]));
}

#[test]
fn mentions_that_would_be_lost_are_refused() {
    let lost = [
        (PHONE, text("@15551230009")),
        (GROUP, Content::File(file(VOICE, "audio/ogg"))),
        (
            GROUP,
            Content::File(file(OutgoingKind::Sticker, "image/webp")),
        ),
    ];
    for (chat, content) in lost {
        let message = Outgoing {
            mentions: vec![OTHER.to_owned()],
            ..message(chat, content)
        };
        assert_eq!(refused(&message), "/mentions");
    }
}

#[test]
fn a_chat_that_would_become_another_is_refused() {
    for chat in [CHANNEL, STATUS, "15551230009", "1@call"] {
        assert_eq!(refused(&message(chat, text("hi"))), "/chatId");
    }
}
