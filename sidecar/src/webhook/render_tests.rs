//! What goes over the wire, by event and outcome.

use super::*;
use crate::media::MediaKind;
use crate::message::SessionKey;
use crate::store::MediaStatus;

fn event(name: &str, outcome: Option<Outcome>) -> EventRow {
    EventRow {
        id: "evt_0197a6b0c0de".to_owned(),
        event: name.to_owned(),
        session: SessionKey {
            tenant: "acme".to_owned(),
            session: "default".to_owned(),
        },
        created_at: "2025-01-15T10:30:00.250Z".parse().unwrap(),
        facts: json!({
            "id": "3EB0C767D1826A",
            "chatId": "5511999999999@s.whatsapp.net",
            "type": "image",
            "timestamp": 1_736_937_000,
            "fromMe": false,
            "isGroup": false,
            "mimeType": "image/jpeg",
            "fileLength": 102_399,
        }),
        outcome,
        media: vec![MediaId("0a".repeat(16))],
    }
}

fn info() -> MediaInfo {
    MediaInfo {
        id: "0a".repeat(16),
        message_id: "3EB0C767D1826A".to_owned(),
        session: "default".to_owned(),
        mime_type: "image/jpeg".to_owned(),
        file_length: Some(102_400),
        persisted: true,
        s3_url: Some("https://s3.acme.com/acme-media/a.jpeg?X-Amz-Signature=f00".to_owned()),
        s3_url_expires_at: Some("2025-01-16T10:30:00Z".parse().unwrap()),
        kind: MediaKind::Image,
        file_name: None,
        sha256: Some("ab".repeat(32)),
        status: MediaStatus::Stored,
        error: None,
        bucket: Some("acme-media".to_owned()),
        key: Some("a.jpeg".to_owned()),
        received_at: "2025-01-15T10:30:00.100Z".parse().unwrap(),
        expires_at: "2025-01-29T10:30:00Z".parse().unwrap(),
    }
}

fn failed() -> MediaInfo {
    MediaInfo {
        persisted: false,
        s3_url: None,
        s3_url_expires_at: None,
        bucket: None,
        key: None,
        status: MediaStatus::Failed,
        error: Some(MediaInfoError {
            code: "media_expired".to_owned(),
            message: "the CDN no longer has the file".to_owned(),
            retryable: false,
        }),
        ..info()
    }
}

fn rendered(event: &EventRow, media: &[MediaInfo]) -> Value {
    serde_json::from_slice(&render(event, media)).unwrap()
}

#[test]
fn a_stored_image_carries_its_url() {
    let event = event("message.received", Some(Outcome::Stored));
    insta::assert_json_snapshot!(rendered(&event, &[info()]));
}

#[test]
fn without_the_outcome_stored_there_is_no_media_url() {
    for outcome in [None, Some(Outcome::Deadline), Some(Outcome::Failed)] {
        let body = rendered(&event("message.received", outcome), &[info()]);
        assert_eq!(body["payload"].get("mediaUrl"), None);
        assert_eq!(body["payload"].get("mediaUrlExpiresAt"), None);
        assert_eq!(body["payload"]["mediaId"], "0a".repeat(16));
    }
}

#[test]
fn a_failed_file_is_told_with_its_message() {
    let event = event("message.received", Some(Outcome::Failed));
    let body = rendered(&event, &[failed()]);
    insta::assert_json_snapshot!(body["payload"]["mediaError"]);
}

#[test]
fn a_message_that_went_out_at_the_deadline_leaves_the_error_to_media_failed() {
    let event = event("message.received", Some(Outcome::Deadline));
    let body = rendered(&event, &[failed()]);
    assert_eq!(body["payload"].get("mediaError"), None);
    assert_eq!(body["payload"]["media"]["status"], "failed");
}

#[test]
fn media_persisted_carries_the_url_and_media_failed_the_error() {
    insta::assert_json_snapshot!(
        "persisted",
        rendered(&event("media.persisted", None), &[info()])
    );
    insta::assert_json_snapshot!(
        "failed",
        rendered(&event("media.failed", None), &[failed()])
    );
}

#[test]
fn media_failed_keeps_the_error_of_its_own_time() {
    let mut event = event("media.failed", None);
    event.facts["code"] = "integrity_failed".into();
    event.facts["message"] = "the hash differs".into();
    event.facts["retryable"] = false.into();
    let body = rendered(&event, &[info()]);
    assert_eq!(body["payload"]["code"], "integrity_failed");
    assert_eq!(body["payload"].get("mediaUrl"), None);
}

#[test]
fn several_files_are_listed_and_one_is_not() {
    let event = event("message.received", Some(Outcome::Stored));
    let body = rendered(&event, &[info(), failed()]);
    assert_eq!(body["payload"]["mediaItems"].as_array().unwrap().len(), 2);
    assert_eq!(body["payload"]["media"]["persisted"], true);
    assert_eq!(
        rendered(&event, &[info()])["payload"].get("mediaItems"),
        None
    );
}

#[test]
fn verified_length_replaces_the_declared_one() {
    let event = event("message.received", Some(Outcome::Stored));
    let body = rendered(&event, &[info()]);
    assert_eq!(body["payload"]["fileLength"], 102_400);
}

#[test]
fn a_pruned_record_leaves_the_facts() {
    let body = rendered(&event("message.received", Some(Outcome::Stored)), &[]);
    assert_eq!(body["payload"]["mediaId"], "0a".repeat(16));
    assert_eq!(body["payload"]["mimeType"], "image/jpeg");
    assert_eq!(body["payload"].get("media"), None);
}

#[test]
fn a_message_without_a_time_has_that_of_its_receipt() {
    let mut event = event("message.received", None);
    event.facts.as_object_mut().unwrap().remove("timestamp");
    assert_eq!(rendered(&event, &[])["payload"]["timestamp"], 1_736_937_000);
}

#[test]
fn the_envelope_leads_with_id_event_session_and_time() {
    let body = String::from_utf8(render(&event("message.received", None), &[])).unwrap();
    let start = concat!(
        r#"{"id":"evt_0197a6b0c0de","event":"message.received","session":"default","#,
        r#""timestamp":"2025-01-15T10:30:00.25Z","payload":{"#
    );
    assert!(body.starts_with(start), "{body}");
}

#[test]
fn a_commands_result_is_the_file_or_the_error() {
    let result = |facts: Value, media: &[MediaInfo]| -> Value {
        let event = EventRow {
            facts,
            ..event("command.result", None)
        };
        serde_json::from_slice(&render(&event, media)).unwrap()
    };
    let facts = json!({"correlationId": "cmd-1", "success": true});
    let body = result(facts, &[info()]);
    assert_eq!(body["payload"]["result"], json!(info()));
    assert_eq!(body["payload"]["correlationId"], "cmd-1");
    assert_eq!(body["data"], body["payload"]);
    assert!(body["payload"].get("mediaUrl").is_none());
    let error = json!({"code": "media_expired", "message": "gone", "retryable": false});
    let facts = json!({"correlationId": "cmd-1", "success": false, "result": error});
    assert_eq!(result(facts, &[failed()])["payload"]["result"], error);
}
