//! What callers see of a record in each state.

use serde_json::{Value, json};

use super::*;
use crate::media::{MediaKey, MediaType};
use crate::message::{MediaId, MediaReference, MessageKey};
use crate::store::Phone;

fn session() -> SessionKey {
    SessionKey {
        tenant: "acme".to_owned(),
        session: "default".to_owned(),
    }
}

fn reference() -> MediaReference {
    MediaReference {
        kind: MediaKind::Document,
        media_type: MediaType::Document,
        direct_path: Some("/v/secret".to_owned()),
        url: None,
        media_key: Some(MediaKey([7; 32])),
        sha256: Some([0xab; 32]),
        enc_sha256: Some([0xcd; 32]),
        file_length: Some(100),
        mime_type: Some("application/pdf".to_owned()),
        file_name: Some("Q1.pdf".to_owned()),
        seconds: None,
        ptt: false,
        width: None,
        height: None,
        streaming_sidecar: None,
        thumbnail: None,
        jpeg_thumbnail: None,
        fault: None,
    }
}

fn record(status: MediaStatus) -> MediaRecord {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    MediaRecord {
        id: MediaId("0a".repeat(16)),
        session: session(),
        message: MessageKey {
            chat: "5511999999999@s.whatsapp.net".to_owned(),
            from_me: false,
            participant: None,
            id: "3EB0C767D1826A".to_owned(),
        },
        message_timestamp: Some(1_736_937_000),
        received_at: at("2025-01-15T10:30:00.100Z"),
        position: 0,
        reference: reference(),
        status,
        persist_requested: true,
        error: None,
        bucket: Some("acme-media".to_owned()),
        key: Some("acme/default/a.pdf".to_owned()),
        stored_sha256: None,
        stored_length: None,
        stored_at: None,
        attempts: 0,
        integrity_failures: 0,
        due_at: None,
        expires_at: at("2025-01-29T10:30:00Z"),
        phone: Phone::Unasked,
    }
}

fn url() -> ObjectUrl {
    ObjectUrl {
        url: "https://s3.acme.com/acme-media/a.pdf?X-Amz-Signature=f00".to_owned(),
        expires_at: Some("2025-01-16T10:30:00Z".parse().unwrap()),
    }
}

fn shown(record: &MediaRecord, url: Option<&ObjectUrl>) -> Value {
    serde_json::to_value(media_info(&session(), record, url)).unwrap()
}

#[test]
fn a_stored_file_shows_where_it_is_and_what_was_verified() {
    let stored = MediaRecord {
        stored_sha256: Some([0xee; 32]),
        stored_length: Some(99),
        ..record(MediaStatus::Stored)
    };
    insta::assert_json_snapshot!(shown(&stored, Some(&url())));
}

#[test]
fn before_that_there_is_neither_url_nor_object() {
    for status in [
        MediaStatus::Received,
        MediaStatus::Queued,
        MediaStatus::Running,
        MediaStatus::Waiting,
        MediaStatus::Failed,
    ] {
        let shown = shown(&record(status), Some(&url()));
        assert_eq!(shown["persisted"], false);
        assert_eq!(shown["status"], status.as_str());
        for absent in ["s3Url", "s3UrlExpiresAt", "bucket", "key"] {
            assert_eq!(shown.get(absent), None, "{absent} while {status}");
        }
        assert_eq!(shown["fileLength"], 100);
    }
}

#[test]
fn errors_are_told_and_unknown_types_are_octets() {
    let mut failed = record(MediaStatus::Failed);
    failed.reference.mime_type = None;
    failed.error = Some(MediaError {
        code: "media_expired".to_owned(),
        message: "the CDN no longer has the file".to_owned(),
        retryable: false,
    });
    let shown = shown(&failed, None);
    assert_eq!(shown["mimeType"], "application/octet-stream");
    let error = json!({
        "code": "media_expired",
        "message": "the CDN no longer has the file",
        "retryable": false,
    });
    assert_eq!(shown["error"], error);
}

#[test]
fn debug_shows_no_signed_url() {
    let info = media_info(&session(), &record(MediaStatus::Stored), Some(&url()));
    assert!(!format!("{info:?}").contains("Amz"));
}
