//! Each value as it must be.

use serde_json::json;

use super::*;

#[test]
fn values_are_what_they_must_be() {
    for (pointer, changes) in [
        ("/session", json!({"session": "-a"})),
        ("/session", json!({"session": ""})),
        ("/session", json!({"session": "a/b"})),
        ("/session", json!({"session": "a".repeat(65)})),
        ("/session", json!({"session": 1})),
        ("/type", json!({"type": "audio"})),
        ("/type", json!({"type": ["text"]})),
        ("/text", json!({"text": ""})),
        ("/text", json!({"text": "a".repeat(65_537)})),
        ("/text", json!({"text": {}})),
        ("/linkPreview", json!({"linkPreview": "true"})),
        ("/isForwarded", json!({"isForwarded": 1})),
        ("/quotedMessage", json!({"quotedMessage": "3EB0"})),
        ("/quotedMessage/id", json!({"quotedMessage": {"id": ""}})),
        ("/quotedMessage/id", json!({"quotedMessage": {"id": "a b"}})),
        (
            "/quotedMessage/participant",
            json!({"quotedMessage": {"id": "3", "participant": "1@g.us"}}),
        ),
        (
            "/quotedMessage/fromMe",
            json!({"quotedMessage": {"id": "3", "fromMe": 0}}),
        ),
        ("/mentions", json!({"mentions": "1@lid"})),
        ("/mentions/0", json!({"mentions": ["everyone"]})),
        (
            "/mentions/1",
            json!({"mentions": ["5511888888888@lid", null]}),
        ),
        (
            "/mentions",
            json!({"mentions": vec!["5511888888888@lid"; 257]}),
        ),
    ] {
        assert_refused(&with(text(), changes), "invalid_field", pointer);
    }
    let most = with(
        text(),
        json!({"text": "é".repeat(32_768), "session": "a".repeat(64)}),
    );
    assert_eq!(read_json(&most).unwrap().text.unwrap().len(), 65_536);
    let most = with(text(), json!({"mentions": vec!["5511888888888@lid"; 256]}));
    assert_eq!(read_json(&most).unwrap().mentions.len(), 1);
}

#[test]
fn chats_are_accounts_groups_channels_and_the_status() {
    for (given, wanted) in [
        ("5511999999999@c.us", CHAT),
        ("5511999999999:3@S.WhatsApp.net", CHAT),
        ("249868741992573@lid", "249868741992573@lid"),
        (
            "5511999999999-1400000000@g.us",
            "5511999999999-1400000000@g.us",
        ),
        (
            "120363025246125486@newsletter",
            "120363025246125486@newsletter",
        ),
        ("status@broadcast", "status@broadcast"),
    ] {
        let body = with(text(), json!({"chatId": given}));
        assert_eq!(read_json(&body).unwrap().chat_id, wanted, "{given}");
    }
    for bad in [
        "",
        "5511999999999",
        "+5511999999999@c.us",
        "@c.us",
        "1@lid@lid",
        "1@broadcast",
        "1@example.com",
        "a b@g.us",
        "٣@c.us",
    ] {
        assert_refused(
            &with(text(), json!({"chatId": bad})),
            "invalid_field",
            "/chatId",
        );
    }
}

#[test]
fn names_of_files_are_names() {
    for bad in [
        "",
        " ",
        "..",
        "a/b",
        "a\\b",
        "a\u{0}b",
        "a\nb",
        "a\u{202e}gpj.exe",
        &"a".repeat(256),
    ] {
        assert_refused(
            &with(image(), json!({"filename": bad})),
            "invalid_field",
            "/filename",
        );
    }
    for good in ["a.jpg", "Relatório 2026.pdf", "…", &"a".repeat(255)] {
        assert!(
            read_json(&with(image(), json!({"filename": good}))).is_ok(),
            "{good}"
        );
    }
}

#[test]
fn captions_have_a_bound_and_an_empty_one_is_none() {
    let request = read_json(&with(image(), json!({"caption": ""}))).unwrap();
    assert_eq!(request.caption, None);
    assert!(read_json(&with(image(), json!({"caption": "c".repeat(4096)}))).is_ok());
    let body = with(image(), json!({"caption": "c".repeat(4097)}));
    assert_refused(&body, "invalid_field", "/caption");
}

#[test]
fn who_is_mentioned_stands_in_the_words() {
    let mentions = json!(["5511888888888@c.us", "22@lid"]);
    let body = |words: &str| with(image(), json!({"mentions": mentions, "caption": words}));
    assert!(read_json(&body("@22, see @5511888888888")).is_ok());
    for missing in [
        "@5511888888888 @221",
        "@5511888888888 22",
        "@5511888888888@ 22",
    ] {
        assert_refused(&body(missing), "invalid_field", "/mentions/1");
    }
    let body = json!({"chatId": CHAT, "type": "voice", "base64": "aGVs", "mentions": ["1@lid"]});
    assert_refused(&body, "invalid_field", "/mentions/0");
}

#[test]
fn types_that_are_known_and_not_sent_say_so() {
    for known in ["poll", "location", "contact"] {
        let body = with(text(), json!({"type": known}));
        let message = assert_refused(&body, "unsupported_type", "/type");
        assert!(
            message.contains(known) && message.contains("sticker"),
            "{message}"
        );
    }
}

#[test]
fn unknown_fields_are_refused_by_a_bounded_name() {
    assert_refused(
        &with(text(), json!({"mimetype": null})),
        "unknown_field",
        "/mimetype",
    );
    assert_refused(
        &with(text(), json!({"a~/\n": {}})),
        "unknown_field",
        "/a~0~1?",
    );
    let body = with(text(), json!({"quotedMessage": {"text": "t"}}));
    assert_refused(&body, "unknown_field", "/quotedMessage/text");
    let long = format!("/{}…", "n".repeat(40));
    assert_refused(
        &with(text(), json!({"n".repeat(5000): 1})),
        "unknown_field",
        &long,
    );
}

#[test]
fn fields_stand_once() {
    for (body, pointer) in [
        (r#"{"text": "a", "text": "b"}"#, "/text"),
        (r#"{"text": null, "text": "b"}"#, "/text"),
        (r#"{"base64": "aGVs", "base64": "aGVs"}"#, "/base64"),
        (
            r#"{"quotedMessage": {"id": "1", "id": "2"}}"#,
            "/quotedMessage/id",
        ),
    ] {
        let refusal = refused(read_text(body));
        assert_eq!(refusal.code, "duplicate_field", "{body}");
        assert_eq!(refusal.pointer.as_deref(), Some(pointer), "{body}");
    }
}

#[test]
fn bad_base64_is_refused_without_a_word_of_it() {
    for bad in ["s3cret!", "", "data:s3cret,hello", "s3cret-_"] {
        let message = assert_refused(
            &with(image(), json!({"base64": bad})),
            "invalid_field",
            "/base64",
        );
        assert!(!message.contains("s3cret"), "{message}");
    }
    assert_refused(
        &with(image(), json!({"base64": ["aGVs"]})),
        "invalid_field",
        "/base64",
    );
}
