//! Accept: identity, redelivery, placeholders, edits.

use super::fixture::{Fixture, at, file, image, in_chat, text};
use crate::media::MediaKind;
use crate::message::MediaId;
use crate::store::{MediaFilter, MediaStatus};

pub(super) async fn a_redelivery_finds_its_own_record_and_changes_nothing(fixture: Fixture) {
    let first = fixture.accept(vec![image("A")], at(0)).await;
    assert!(first[0].new);
    assert_eq!(first[0].media, [(MediaId("media-A".into()), "A".into())]);
    let before = fixture.store.media(&MediaId("media-A".into())).await;

    let again = fixture.accept(vec![image("A")], at(5)).await;
    assert!(!again[0].new);
    assert_eq!(again[0].media, first[0].media);
    let after = fixture.store.media(&MediaId("media-A".into())).await;
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    fixture.store_next(at(6)).await;
    assert_eq!(
        fixture.drain(at(7)).await,
        ["message.received A Stored"],
        "one event"
    );
}

pub(super) async fn content_replaces_a_placeholder_and_never_the_reverse(fixture: Fixture) {
    let stub = |id: &str| {
        let mut stub = text(id);
        stub.placeholder = true;
        stub.endpoints.clear();
        stub
    };
    assert!(fixture.accept(vec![stub("A")], at(0)).await[0].new);
    assert!(!fixture.accept(vec![stub("A")], at(0)).await[0].new);
    let content = fixture.accept(vec![image("A")], at(1)).await;
    assert!(content[0].new, "content under a placeholder's id is new");
    assert_eq!(content[0].media.len(), 1);
    let late = fixture.accept(vec![stub("A")], at(2)).await;
    assert!(!late[0].new);
    assert_eq!(late[0].media, content[0].media);
    fixture.store_next(at(3)).await;
    assert_eq!(fixture.drain(at(3)).await, ["message.received A Stored"]);
}

pub(super) async fn the_same_message_twice_in_one_batch_is_kept_once(fixture: Fixture) {
    let batch = vec![image("A"), text("B"), image("A"), text("C"), text("B")];
    let accepted = fixture.accept(batch, at(0)).await;
    let new: Vec<bool> = accepted.iter().map(|one| one.new).collect();
    assert_eq!(new, [true, true, false, true, false]);
    assert_eq!(accepted[2].media, accepted[0].media);
    fixture.store_next(at(1)).await;
    assert_eq!(
        fixture.drain(at(1)).await,
        [
            "message.received A Stored",
            "message.received B",
            "message.received C"
        ]
    );
}

pub(super) async fn a_newer_reference_is_taken_over_and_queued_again(fixture: Fixture) {
    let id = MediaId("media-A".into());
    fixture.accept(vec![image("A")], at(0)).await;
    fixture.store.claim_transfer(at(0)).await.unwrap().unwrap();
    let gone = super::fixture::error("media_expired", false);
    fixture
        .store
        .transfer_failed(&id, gone, at(1))
        .await
        .unwrap();

    let mut again = image("A");
    again.media = vec![file("media-A", "/v/t62/a?oe=69000000")];
    assert!(!fixture.accept(vec![again], at(2)).await[0].new);
    let record = fixture.store.media(&id).await.unwrap().unwrap();
    assert_eq!(record.status, MediaStatus::Queued, "a later oe");
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/t62/a?oe=69000000")
    );
    assert_eq!(record.error, None);

    let mut elsewhere = image("A");
    elsewhere.media = vec![file("media-A", "/v/t62/b?oe=69000000")];
    fixture.accept(vec![elsewhere], at(3)).await;
    let record = fixture.store.media(&id).await.unwrap().unwrap();
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/t62/b?oe=69000000"),
        "another path"
    );
}

pub(super) async fn an_older_or_equal_reference_is_not_taken_over(fixture: Fixture) {
    let id = MediaId("media-A".into());
    fixture.accept(vec![image("A")], at(0)).await;
    for path in [
        "/v/t62/a?oe=67000000",
        "/v/t62/a?oe=68000000",
        "/v/t62/b?oe=67000000",
    ] {
        let mut again = image("A");
        again.media = vec![file("media-A", path)];
        fixture.accept(vec![again], at(1)).await;
    }
    let mut faulty = image("A");
    faulty.media = vec![file("media-A", "/v/t62/c?oe=70000000")];
    faulty.media[0].reference.fault = Some("mediaKey: 31 bytes".into());
    fixture.accept(vec![faulty], at(1)).await;
    let record = fixture.store.media(&id).await.unwrap().unwrap();
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/t62/a?oe=68000000")
    );
}

pub(super) async fn a_newer_reference_for_a_stored_file_changes_nothing(fixture: Fixture) {
    fixture.accept(vec![image("A")], at(0)).await;
    let id = fixture.store_next(at(1)).await;
    let mut again = image("A");
    again.media = vec![file("media-A", "/v/t62/z?oe=6F000000")];
    fixture.accept(vec![again], at(2)).await;
    let record = fixture.store.media(&id).await.unwrap().unwrap();
    assert_eq!(record.status, MediaStatus::Stored);
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/t62/a?oe=68000000")
    );
}

pub(super) async fn an_edit_that_repeats_the_file_links_to_the_first_record(fixture: Fixture) {
    let mut edit = image("E");
    edit.event = "message.edited";
    edit.links_to_edit_of = Some("A".into());
    // Also within one batch.
    let accepted = fixture.accept(vec![image("A"), edit.clone()], at(0)).await;
    assert_eq!(accepted[1].media, [(MediaId("media-A".into()), "E".into())]);
    let own = fixture.store.media(&MediaId("media-E".into())).await;
    assert!(own.unwrap().is_none());
    fixture.store_next(at(1)).await;
    let again = fixture.accept(vec![edit], at(2)).await;
    assert!(!again[0].new);
    assert_eq!(again[0].media, accepted[1].media);
    let told = fixture.drain(at(2)).await;
    assert_eq!(
        told,
        ["message.received A Stored", "message.edited E Deadline"]
    );
}

pub(super) async fn an_edit_with_another_file_has_its_own_record(fixture: Fixture) {
    let mut edit = image("E");
    edit.event = "message.edited";
    edit.links_to_edit_of = Some("A".into());
    edit.media[0].reference.sha256 = Some([7; 32]);
    edit.media[0].reference.enc_sha256 = None;
    let accepted = fixture.accept(vec![image("A"), edit], at(0)).await;
    assert_eq!(accepted[1].media, [(MediaId("media-E".into()), "E".into())]);
}

pub(super) async fn a_faulty_file_fails_at_once_and_holds_nothing(fixture: Fixture) {
    let mut message = image("A");
    message.media[0].reference.fault = Some("mediaKey: 31 bytes".into());
    message.media[0].reference.media_key = None;
    fixture.accept(vec![message], at(0)).await;
    let id = MediaId("media-A".into());
    let record = fixture.store.media(&id).await.unwrap().unwrap();
    assert_eq!(record.status, MediaStatus::Failed);
    assert_eq!(record.error.unwrap().code, "media_invalid");
    assert!(fixture.store.claim_transfer(at(9)).await.unwrap().is_none());
    assert_eq!(fixture.drain(at(0)).await, ["message.received A Failed"]);
}

pub(super) async fn concurrent_accepts_all_arrive_once(fixture: Fixture) {
    let callers = (0..64).map(|caller| {
        let store = fixture.store.clone();
        async move {
            for number in 0..4 {
                // Every message comes from two callers.
                let id = format!("M{}-{number}", caller / 2);
                store.accept(vec![image(&id)], at(0)).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(callers).await;
    let depths = fixture.store.depths().await.unwrap();
    assert_eq!(depths.queued, 128);
    assert_eq!(depths.events_held, 128);
    assert_eq!(depths.deliveries_pending, 128);
}

/// Three images, B a video; A is stored.
async fn three(fixture: &Fixture) {
    for (second, id) in [(0, "A"), (1, "B"), (2, "C")] {
        let mut message = image(id);
        message.received_at = at(second);
        if id == "B" {
            message.media[0].reference.kind = MediaKind::Video;
        }
        fixture.accept(vec![message], at(second)).await;
    }
    fixture.store_next(at(3)).await;
}

/// Ids of a page's messages, and the cursor of the next one.
async fn list(fixture: &Fixture, filter: MediaFilter) -> (Vec<String>, Option<i64>) {
    let page = fixture.store.list(filter).await.unwrap();
    let ids = page.records.into_iter().map(|one| one.message.id).collect();
    (ids, page.next_cursor)
}

pub(super) async fn records_are_listed_newest_first_by_page(fixture: Fixture) {
    three(&fixture).await;
    let mut filter = MediaFilter {
        limit: 2,
        ..MediaFilter::default()
    };
    let (first, cursor) = list(&fixture, filter.clone()).await;
    assert_eq!(first, ["C", "B"]);
    filter.cursor = cursor;
    assert_eq!(list(&fixture, filter).await, (vec!["A".to_owned()], None));
}

pub(super) async fn records_are_listed_by_filter(fixture: Fixture) {
    three(&fixture).await;
    let all = MediaFilter {
        limit: 2,
        ..MediaFilter::default()
    };
    let status = Some(MediaStatus::Stored);
    let kind = Some(MediaKind::Video);
    let since = Some(at(1));
    let message_id = Some("A".to_owned());
    let filters = [
        (
            MediaFilter {
                status,
                ..all.clone()
            },
            vec!["A"],
        ),
        (
            MediaFilter {
                kind,
                ..all.clone()
            },
            vec!["B"],
        ),
        (
            MediaFilter {
                since,
                ..all.clone()
            },
            vec!["C", "B"],
        ),
        (MediaFilter { message_id, ..all }, vec!["A"]),
    ];
    for (filter, expected) in filters {
        assert_eq!(list(&fixture, filter).await.0, expected);
    }
}

/// An index of Postgres takes no long values and its text no NUL; senders know nothing of that.
pub(super) async fn what_senders_choose_may_be_long_and_hold_nul(fixture: Fixture) {
    let id = format!("a\0b{}", "ü".repeat(3000));
    let chat = format!("{}@g.us", "9".repeat(4000));
    let mut message = in_chat(image(&id), &chat);
    message.key.participant = Some("x\0y".into());
    message.facts = serde_json::json!({"id": "nul", "body": "a\0b"});
    message.hold_until = None;
    let other = in_chat(text(&format!("{id}2")), &chat);
    let batch = vec![message, other];
    assert!(
        fixture
            .accept(batch.clone(), at(0))
            .await
            .iter()
            .all(|one| one.new)
    );
    assert!(
        fixture
            .accept(batch, at(0))
            .await
            .iter()
            .all(|one| !one.new)
    );
    let filter = MediaFilter {
        message_id: Some(id.clone()),
        limit: 10,
        ..MediaFilter::default()
    };
    assert_eq!(fixture.store.list(filter).await.unwrap().records.len(), 1);
    let claimed = fixture.claim(at(0)).await;
    assert_eq!(claimed.len(), 1, "one chat, one at a time");
    assert_eq!(claimed[0].event.facts["body"], "a\0b");
    fixture
        .store
        .retry_delivery(claimed[0].id, at(1), "a\0b", at(0))
        .await
        .unwrap();
}
