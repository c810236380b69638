//! WAHA.

use super::*;

fn sent(message: &Outgoing) -> (String, Value) {
    sent_to(SendType::Waha, message)
}

fn refused(message: &Outgoing) -> &'static str {
    refused_at(SendType::Waha, message)
}

#[test]
fn a_text_goes_with_its_id() {
    let (path, body) = sent(&message(PHONE, text("hi")));
    assert_eq!(path, "/api/sendText");
    let session = "shop 1/ä";
    let chat = "5547988887777@c.us";
    assert_eq!(
        body,
        json!({"session": session, "chatId": chat, "id": ID, "text": "hi"})
    );
}

#[test]
fn each_kind_of_file_has_its_path() {
    let kinds = [
        (OutgoingKind::Image, "image/png", "/api/sendImage"),
        (OutgoingKind::Video, "video/mp4", "/api/sendVideo"),
        (VOICE, "audio/ogg", "/api/sendVoice"),
        (OutgoingKind::Document, "application/pdf", "/api/sendFile"),
        (OutgoingKind::Sticker, "image/webp", "/api/sendSticker"),
    ];
    for (kind, mime, wanted) in kinds {
        let (path, body) = sent(&message(GROUP, Content::File(file(kind, mime))));
        assert_eq!(path, wanted);
        assert_eq!(body["chatId"], GROUP);
        assert_eq!(body["file"]["data"], "YWJj");
    }
}

#[test]
fn an_image_has_its_caption() {
    let (_, body) = sent(&message(
        LID,
        with_caption(OutgoingKind::Image, "image/png", "look"),
    ));
    let wanted = json!({
        "session": "shop 1/ä", "chatId": LID, "caption": "look",
        "file": {"mimetype": "image/png", "data": "YWJj"},
    });
    assert_eq!(body, wanted);
}

#[test]
fn a_video_without_a_caption_has_an_empty_one() {
    let (_, body) = sent(&message(
        PHONE,
        Content::File(file(OutgoingKind::Video, "video/mp4")),
    ));
    let wanted = json!({
        "session": "shop 1/ä", "chatId": "5547988887777@c.us", "caption": "", "convert": false,
        "file": {"mimetype": "video/mp4", "filename": "video.mp4", "data": "YWJj"},
    });
    assert_eq!(body, wanted);
}

#[test]
fn a_voice_note_is_converted_unless_it_is_ogg() {
    let (_, ogg) = sent(&message(PHONE, Content::File(file(VOICE, "audio/ogg"))));
    assert_eq!(ogg["convert"], false);
    assert_eq!(ogg["file"]["mimetype"], "audio/ogg; codecs=opus");
    let (_, mp3) = sent(&message(PHONE, Content::File(file(VOICE, "audio/mpeg"))));
    assert_eq!(mp3["convert"], true);
    assert_eq!(mp3["file"]["mimetype"], "audio/mpeg");
}

#[test]
fn plain_sound_is_refused() {
    let sound = Content::File(file(SOUND, "audio/mpeg"));
    assert_eq!(refused(&message(PHONE, sound.clone())), "/ptt");
    assert_eq!(refused(&message(STATUS, sound)), "/ptt");
}

#[test]
fn a_quoted_message_goes_by_its_name_at_waha() {
    let named = |chat, participant, from_me| {
        let message = Outgoing {
            quoted: Some(quoted(participant, from_me)),
            ..message(chat, text("yes"))
        };
        sent(&message).1["reply_to"].clone()
    };
    let id = "3A00112233445566";
    assert_eq!(
        named(PHONE, None, false),
        format!("false_5547988887777@c.us_{id}")
    );
    assert_eq!(
        named(PHONE, Some(PHONE), true),
        format!("true_5547988887777@c.us_{id}")
    );
    assert_eq!(named(GROUP, None, true), format!("true_{GROUP}_{id}"));
    let by_other = format!("false_{GROUP}_{id}_15551230009@c.us");
    assert_eq!(named(GROUP, Some(OTHER), false), by_other);
}

#[test]
fn mentions_go_where_waha_takes_them() {
    let mentioning = |content| Outgoing {
        mentions: vec![OTHER.to_owned(), LID.to_owned()],
        ..message(GROUP, content)
    };
    let (_, body) = sent(&mentioning(text("@15551230009 @98765432109876")));
    assert_eq!(body["mentions"], json!(["15551230009@c.us", LID]));
    let (_, body) = sent(&mentioning(with_caption(
        OutgoingKind::Image,
        "image/png",
        "@15551230009",
    )));
    assert_eq!(body["mentions"], json!(["15551230009@c.us", LID]));
    for (kind, mime) in [(VOICE, "audio/ogg"), (OutgoingKind::Sticker, "image/webp")] {
        assert_eq!(
            refused(&mentioning(Content::File(file(kind, mime)))),
            "/mentions"
        );
    }
}

#[test]
fn a_status_has_paths_of_its_own() {
    let (path, body) = sent(&message(STATUS, text("hi all")));
    assert_eq!(path, "/api/shop%201%2F%C3%A4/status/text");
    let wanted = json!({"id": ID, "text": "hi all", "backgroundColor": "#38b42f", "font": 0});
    assert_eq!(body, wanted);
    let (path, body) = sent(&message(
        STATUS,
        with_caption(OutgoingKind::Image, "image/png", "look"),
    ));
    assert_eq!(path, "/api/shop%201%2F%C3%A4/status/image");
    let file_of = json!({"mimetype": "image/png", "data": "YWJj"});
    assert_eq!(body, json!({"id": ID, "caption": "look", "file": file_of}));
    let (path, _) = sent(&message(
        STATUS,
        Content::File(file(OutgoingKind::Video, "video/mp4")),
    ));
    assert_eq!(path, "/api/shop%201%2F%C3%A4/status/video");
    let (path, body) = sent(&message(STATUS, Content::File(file(VOICE, "audio/ogg"))));
    assert_eq!(path, "/api/shop%201%2F%C3%A4/status/voice");
    assert_eq!(body["backgroundColor"], "#38b42f");
}

#[test]
fn what_a_status_cannot_be_is_refused() {
    for (kind, mime) in [
        (OutgoingKind::Document, "application/pdf"),
        (OutgoingKind::Sticker, "image/webp"),
    ] {
        let message = message(STATUS, Content::File(file(kind, mime)));
        assert_eq!(refused(&message), "/type");
    }
    let reply = Outgoing {
        quoted: Some(quoted(Some(OTHER), false)),
        ..message(STATUS, text("yes"))
    };
    assert_eq!(refused(&reply), "/quotedMessage");
    let mention = Outgoing {
        mentions: vec![OTHER.to_owned()],
        ..message(STATUS, text("@15551230009"))
    };
    assert_eq!(refused(&mention), "/mentions");
}
