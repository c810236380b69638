//! What is final and what is tried again, and when.

use super::*;
use crate::cdn::{CdnError, Class};
use crate::{
    bucket::BucketError,
    media::{IntegrityError, MediaKey, MediaKind, MediaType},
    message::{MediaId, MediaReference, MessageKey, SessionKey},
    store::{MediaStatus, Phone},
};

const SENT: i64 = 1_736_937_000;
const DAY: i64 = 24 * 60 * 60;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn reference() -> MediaReference {
    MediaReference {
        kind: MediaKind::Image,
        media_type: MediaType::Image,
        direct_path: None,
        url: None,
        media_key: None,
        sha256: None,
        enc_sha256: None,
        file_length: None,
        mime_type: None,
        file_name: None,
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

/// A record of a message sent at [`SENT`] whose path is good until `expires_at`, and that was
/// tried before if there is an error code.
fn record(expires_at: i64, before: Option<&str>) -> MediaRecord {
    MediaRecord {
        id: MediaId("0a".repeat(16)),
        session: SessionKey {
            tenant: "acme".to_owned(),
            session: "default".to_owned(),
        },
        message: MessageKey {
            chat: "5511999999999@s.whatsapp.net".to_owned(),
            from_me: false,
            participant: None,
            id: "A".to_owned(),
        },
        message_timestamp: Some(SENT),
        received_at: at(SENT + 5),
        position: 0,
        reference: reference(),
        status: MediaStatus::Running,
        persist_requested: true,
        error: before.map(|code| MediaError {
            code: code.to_owned(),
            message: String::new(),
            retryable: true,
        }),
        bucket: None,
        key: None,
        stored_sha256: None,
        stored_length: None,
        stored_at: None,
        attempts: u32::from(before.is_some()),
        integrity_failures: 0,
        due_at: None,
        expires_at: at(expires_at),
        phone: Phone::Unasked,
    }
}

fn down() -> TransferError {
    TransferError::Bucket(BucketError::CredentialsExpired)
}

fn is_failed(record: &MediaRecord, error: TransferError, now: i64) -> bool {
    matches!(
        Verdict::of(record, &Err(error), false, 0.5, at(now)),
        Verdict::Failed(_)
    )
}

#[test]
fn a_bucket_that_is_down_is_waited_for_until_the_file_has_left_the_cdn() {
    let later = SENT + 3 * DAY;
    assert!(!is_failed(&record(later + 1, None), down(), later));
    assert!(is_failed(&record(later - 1, None), down(), later));
}

#[test]
fn what_speaks_of_the_file_itself_is_final_at_once() {
    let fresh = record(SENT + 9 * DAY, None);
    for error in [
        TransferError::Gone,
        TransferError::TooLarge { limit: 1 },
        TransferError::Invalid("mediaKey".to_owned()),
    ] {
        assert!(is_failed(&fresh, error, SENT + 10));
    }
}

#[test]
fn wrong_bytes_are_final_at_the_third_time_only() {
    let mut record = record(SENT + 9 * DAY, None);
    let wrong = || TransferError::Integrity(IntegrityError::Mac);
    for failures in 0..2 {
        record.integrity_failures = failures;
        assert!(!is_failed(&record, wrong(), SENT + 10));
    }
    record.integrity_failures = 2;
    assert!(is_failed(&record, wrong(), SENT + 10));
}

#[test]
fn a_young_message_is_asked_for_once_although_its_path_looks_expired() {
    let now = at(SENT + 60);
    assert!(!has_expired(&record(SENT, None), now));
    assert!(has_expired(&record(SENT, Some("cdn_unreachable")), now));
    // The CDN was not asked while there was no bucket.
    assert!(!has_expired(
        &record(SENT, Some("storage_unavailable")),
        now
    ));
    assert!(has_expired(&record(SENT, None), at(SENT + 2 * DAY)));
}

#[test]
fn pauses_grow_with_the_tries() {
    let due = |attempts| {
        let mut record = record(SENT + 9 * DAY, None);
        record.attempts = attempts;
        match Verdict::of(&record, &Err(down()), false, 1.0, at(SENT)) {
            Verdict::Waiting { due, .. } => due.as_second() - SENT,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((due(0), due(1), due(3), due(30)), (1, 2, 8, 300));
}

/// The same with a key, so that the phone can be asked, and at this point with it.
fn askable(expires_at: i64, phone: Phone) -> MediaRecord {
    let mut record = record(expires_at, None);
    record.reference.media_key = Some(MediaKey([7; 32]));
    record.phone = phone;
    record
}

fn asks(record: &MediaRecord, error: TransferError, now: i64) -> bool {
    let verdict = Verdict::of(record, &Err(error), true, 0.5, at(now));
    if let Verdict::Asking(error) = &verdict {
        assert_eq!(
            (error.code.as_str(), error.retryable),
            ("media_expired", true)
        );
    }
    matches!(verdict, Verdict::Asking(_))
}

fn refused(status: u16, class: Class) -> TransferError {
    let host = "mmg.whatsapp.net".to_owned();
    TransferError::from(CdnError::Status {
        host,
        status,
        class,
    })
}

#[test]
fn the_phone_is_asked_for_what_the_cdn_has_no_more_or_does_not_give() {
    let fresh = || askable(SENT + 9 * DAY, Phone::Unasked);
    for error in [
        refused(404, Class::Gone),
        refused(410, Class::Gone),
        refused(403, Class::Gone),
        refused(403, Class::Forbidden),
    ] {
        assert!(asks(&fresh(), error, SENT + 10));
    }
    for error in [
        refused(401, Class::Retry { after: None }),
        refused(500, Class::Retry { after: None }),
        refused(507, Class::Throttled),
        TransferError::Integrity(IntegrityError::Mac),
        TransferError::TooLarge { limit: 1 },
        down(),
    ] {
        assert!(!asks(&fresh(), error, SENT + 10));
    }
    // Past its date the file is gone, whatever else was in the way.
    assert!(asks(&askable(SENT, Phone::Unasked), down(), SENT + 3 * DAY));
}

#[test]
fn nobody_is_asked_for_what_no_phone_has() {
    let now = SENT + 10;
    let gone = || refused(404, Class::Gone);
    let keyless = record(SENT + 9 * DAY, None);
    assert!(!asks(&keyless, gone(), now));
    let mut channel = askable(SENT + 9 * DAY, Phone::Unasked);
    channel.message.chat = "1203@newsletter".to_owned();
    assert!(!asks(&channel, gone(), now));
    let of_gateway = Verdict::of(
        &askable(SENT + 9 * DAY, Phone::Unasked),
        &Err(gone()),
        false,
        0.5,
        at(now),
    );
    assert!(matches!(of_gateway, Verdict::Failed(_)));
}

#[test]
fn a_phone_is_waited_for_fourteen_days_and_not_asked_for_what_it_lacks() {
    let now = SENT + 30 * DAY;
    for (phone, waits) in [
        (Phone::Due(at(now + 3600)), true),
        (Phone::Due(at(now - 13 * DAY)), true),
        (Phone::Asked(at(now - 13 * DAY)), true),
        (Phone::Asked(at(now - 14 * DAY)), false),
        (Phone::Found(at(now - DAY)), false),
        (Phone::Found(at(now - 14 * DAY)), true),
        (Phone::Lacks, false),
    ] {
        let record = askable(now + DAY, phone);
        assert_eq!(
            asks(&record, refused(404, Class::Gone), now),
            waits,
            "{phone:?}"
        );
    }
}
