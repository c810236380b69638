//! wuzapi.

use super::*;

fn sent(message: &Outgoing) -> (String, Value) {
    sent_to(SendType::Wuzapi, message)
}

fn refused(message: &Outgoing) -> &'static str {
    refused_at(SendType::Wuzapi, message)
}

#[test]
fn a_text_goes_with_its_id() {
    for chat in [PHONE, GROUP, LID, CHANNEL, STATUS] {
        let (path, body) = sent(&message(chat, text("hi")));
        assert_eq!(path, "/chat/send/text");
        assert_eq!(body, json!({"Phone": chat, "Id": ID, "Body": "hi"}));
    }
}

#[test]
fn a_file_is_a_data_url() {
    let (path, body) = sent(&message(
        PHONE,
        with_caption(OutgoingKind::Image, "image/png", "look"),
    ));
    assert_eq!(path, "/chat/send/image");
    let wanted = json!({
        "Phone": PHONE, "Id": ID, "MimeType": "image/png", "Caption": "look",
        "Image": "data:image/png;base64,YWJj",
    });
    assert_eq!(body, wanted);
    let (path, body) = sent(&message(
        PHONE,
        Content::File(file(OutgoingKind::Video, "video/mp4")),
    ));
    assert_eq!(path, "/chat/send/video");
    assert_eq!(body["Video"], "data:video/mp4;base64,YWJj");
    let (path, body) = sent(&message(
        PHONE,
        Content::File(file(OutgoingKind::Sticker, "image/webp")),
    ));
    assert_eq!(path, "/chat/send/sticker");
    assert_eq!(body["Sticker"], "data:image/webp;base64,YWJj");
    assert_eq!(body["Id"], ID);
}

#[test]
fn a_documents_type_stands_beside_it() {
    let (path, body) = sent(&message(
        PHONE,
        Content::File(file(OutgoingKind::Document, "application/pdf")),
    ));
    assert_eq!(path, "/chat/send/document");
    let wanted = json!({
        "Phone": PHONE, "Id": ID, "MimeType": "application/pdf", "FileName": "list.pdf",
        "Document": "data:application/octet-stream;base64,YWJj",
    });
    assert_eq!(body, wanted);
}

#[test]
fn sound_says_whether_it_is_a_voice_note() {
    let (path, body) = sent(&message(PHONE, Content::File(file(VOICE, "audio/ogg"))));
    assert_eq!(path, "/chat/send/audio");
    let wanted = json!({
        "Phone": PHONE, "Id": ID, "mimetype": "audio/ogg; codecs=opus", "ptt": true,
        "Audio": "data:audio/ogg;base64,YWJj",
    });
    assert_eq!(body, wanted);
    let sound = Content::File(file(SOUND, "audio/ogg; codecs=opus"));
    let (_, body) = sent(&message(PHONE, sound));
    assert_eq!(body["ptt"], false);
    assert_eq!(body["Audio"], "data:audio/ogg;base64,YWJj");
}

#[test]
fn a_quoted_message_goes_with_its_sender() {
    let reply = |chat, participant, from_me| Outgoing {
        quoted: Some(quoted(participant, from_me)),
        ..message(chat, text("yes"))
    };
    let context = |message| sent(&message).1["ContextInfo"].clone();
    let by = |jid| json!({"stanzaID": "3A00112233445566", "participant": jid});
    assert_eq!(context(reply(PHONE, None, false)), by(PHONE));
    assert_eq!(context(reply(PHONE, Some(OTHER), true)), by(OTHER));
    assert_eq!(context(reply(GROUP, Some(OTHER), false)), by(OTHER));
    for unknown in [reply(PHONE, None, true), reply(GROUP, None, false)] {
        assert_eq!(refused(&unknown), "/quotedMessage/participant");
    }
}

#[test]
fn mentions_go_with_every_kind_of_message() {
    let voice = Content::File(file(VOICE, "audio/ogg"));
    for content in [text("@15551230009"), voice] {
        let message = Outgoing {
            mentions: vec![OTHER.to_owned()],
            ..message(GROUP, content)
        };
        assert_eq!(
            sent(&message).1["ContextInfo"],
            json!({"mentionedJID": [OTHER]})
        );
    }
}

#[test]
fn a_file_for_a_channel_is_refused() {
    let image = Content::File(file(OutgoingKind::Image, "image/png"));
    assert_eq!(refused(&message(CHANNEL, image)), "/chatId");
}
