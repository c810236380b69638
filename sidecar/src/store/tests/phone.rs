//! Files that the phone is asked for.

use super::fixture::{Fixture, at, error, image, in_chat, stored, text};
use crate::message::MediaId;
use crate::store::{MediaError, MediaRecord, MediaStatus, NewMessage, Phone, PhoneAnswer};

const DAY: u64 = 24 * 3600;

fn media(id: &str) -> MediaId {
    MediaId(format!("media-{id}"))
}

fn gone() -> MediaError {
    error("media_expired", true)
}

fn found() -> PhoneAnswer {
    PhoneAnswer::Found {
        direct_path: "/v/new?oe=69000000".to_owned(),
        expires_at: at(40 * DAY),
    }
}

fn lacks() -> PhoneAnswer {
    PhoneAnswer::Lacks(error("media_expired", false))
}

fn unclear(seconds: u64) -> PhoneAnswer {
    PhoneAnswer::Unclear {
        again_at: at(seconds),
        error: error("media_expired", false),
    }
}

/// A file whose message's event does not wait for it.
fn unheld(id: &str) -> NewMessage {
    NewMessage {
        hold_until: None,
        ..image(id)
    }
}

impl Fixture {
    async fn record(&self, id: &str) -> MediaRecord {
        self.store.media(&media(id)).await.unwrap().unwrap()
    }

    /// Claims the file, finds it gone, and has the phone asked, all at `second`.
    async fn ask_for(&self, id: &str, second: u64) {
        let record = self.store.claim_transfer(at(second)).await.unwrap();
        assert_eq!(record.unwrap().id, media(id));
        self.store
            .transfer_asks(&media(id), gone(), at(second))
            .await
            .unwrap();
        self.take_question(id, second).await;
    }

    async fn take_question(&self, id: &str, second: u64) {
        let record = self.store.claim_question(at(second)).await.unwrap();
        assert_eq!(record.unwrap().id, media(id));
        self.store
            .phone_asked(&media(id), at(second))
            .await
            .unwrap();
    }

    async fn answer(&self, id: &str, answer: PhoneAnswer, second: u64) -> bool {
        let media = media(id);
        let answered = self.store.phone_answered(&media, answer, at(second));
        answered.await.unwrap()
    }
}

pub(super) async fn a_file_that_waits_for_the_phone_is_told_of_and_queued_with_its_new_path(
    fixture: Fixture,
) {
    fixture.accept(vec![unheld("A")], at(0)).await;
    assert_eq!(fixture.drain(at(0)).await, ["message.received A Deadline"]);
    fixture.ask_for("A", 1).await;
    assert_eq!(fixture.drain(at(1)).await, ["media.failed media-A"]);
    let waiting = fixture.record("A").await;
    assert_eq!(waiting.status, MediaStatus::Waiting);
    assert_eq!(waiting.phone, Phone::Asked(at(1)));
    assert!(waiting.error.unwrap().retryable);
    assert!(
        fixture
            .store
            .claim_transfer(at(13 * DAY))
            .await
            .unwrap()
            .is_none()
    );

    let about = fixture.store.asked_about("A").await.unwrap();
    assert_eq!(about, Some(media("A")));
    assert!(fixture.answer("A", found(), DAY).await);
    let record = fixture
        .store
        .claim_transfer(at(DAY))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/new?oe=69000000")
    );
    assert_eq!(record.reference.url, None);
    assert_eq!(record.reference.media_key.unwrap().0, [0xAB; 32]);
    assert_eq!(record.expires_at, at(40 * DAY));
    assert_eq!(record.phone, Phone::Found(at(DAY)));
    fixture
        .store
        .transfer_stored(&media("A"), stored(), at(DAY + 1))
        .await
        .unwrap();
    assert_eq!(
        fixture.drain(at(DAY + 1)).await,
        ["media.persisted media-A"]
    );
}

pub(super) async fn a_held_event_goes_with_what_the_phone_brought_in_time(fixture: Fixture) {
    fixture.accept(vec![image("A"), image("B")], at(0)).await;
    fixture.ask_for("A", 1).await;
    fixture.ask_for("B", 1).await;
    assert!(fixture.drain(at(2)).await.is_empty());
    assert!(fixture.answer("A", found(), 3).await);
    fixture.store_next(at(4)).await;
    assert_eq!(fixture.drain(at(4)).await, ["message.received A Stored"]);
    // The other's time is up, and then it says why the file is not there.
    fixture.store.release_overdue(at(60), false).await.unwrap();
    assert_eq!(
        fixture.drain(at(60)).await,
        ["message.received B Deadline", "media.failed media-B"]
    );
    assert!(fixture.answer("B", lacks(), 70).await);
    assert_eq!(fixture.drain(at(70)).await, ["media.failed media-B"]);
    assert_eq!(fixture.record("B").await.status, MediaStatus::Failed);
}

pub(super) async fn what_the_phone_lacks_has_failed_for_good(fixture: Fixture) {
    fixture.accept(vec![unheld("A")], at(0)).await;
    fixture.ask_for("A", 1).await;
    assert!(fixture.answer("A", lacks(), 5).await);
    let failed = fixture.record("A").await;
    assert_eq!(failed.status, MediaStatus::Failed);
    assert_eq!(failed.phone, Phone::Lacks);
    assert!(!failed.error.unwrap().retryable);
    let told = fixture.drain(at(5)).await;
    assert_eq!(
        told,
        [
            "message.received A Deadline",
            "media.failed media-A",
            "media.failed media-A"
        ]
    );
    // Again, or late: nothing.
    assert!(!fixture.answer("A", found(), 6).await);
    assert_eq!(fixture.store.asked_about("A").await.unwrap(), None);
    assert_eq!(fixture.record("A").await.status, MediaStatus::Failed);
    assert!(fixture.drain(at(9)).await.is_empty());
    // Who asks for it anew has the phone asked anew.
    fixture.store.retry(&media("A"), at(10)).await.unwrap();
    fixture.ask_for("A", 10).await;
    assert_eq!(fixture.record("A").await.phone, Phone::Asked(at(10)));
}

pub(super) async fn a_question_that_a_crash_interrupted_is_asked_again(mut fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unheld("A")], at(0)).await;
    store.claim_transfer(at(1)).await.unwrap().unwrap();
    store
        .transfer_asks(&media("A"), gone(), at(1))
        .await
        .unwrap();
    store.claim_question(at(1)).await.unwrap().unwrap();
    fixture.reopen().await;
    fixture.take_question("A", 2).await;
    // What is known to be asked is asked no more.
    fixture.reopen().await;
    assert!(
        fixture
            .store
            .claim_question(at(DAY))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(fixture.store.next_question_due().await.unwrap(), None);
}

pub(super) async fn an_answer_may_be_faster_than_the_word_that_it_was_asked(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unheld("A")], at(0)).await;
    store.claim_transfer(at(1)).await.unwrap().unwrap();
    store
        .transfer_asks(&media("A"), gone(), at(1))
        .await
        .unwrap();
    store.claim_question(at(1)).await.unwrap().unwrap();
    assert!(fixture.answer("A", found(), 2).await);
    store.phone_asked(&media("A"), at(3)).await.unwrap();
    assert_eq!(fixture.record("A").await.phone, Phone::Found(at(2)));
    fixture.store_next(at(4)).await;
    assert_eq!(
        fixture.drain(at(4)).await,
        ["message.received A Deadline", "media.persisted media-A"]
    );
}

pub(super) async fn of_one_whatsapp_id_one_question_is_out_at_a_time(fixture: Fixture) {
    let store = &fixture.store;
    let mut other = in_chat(unheld("A"), "49170@s.whatsapp.net");
    other.media[0].id = media("other");
    fixture.accept(vec![unheld("A"), other], at(0)).await;
    fixture.ask_for("A", 1).await;
    let second = store.claim_transfer(at(1)).await.unwrap().unwrap();
    store
        .transfer_asks(&second.id, gone(), at(1))
        .await
        .unwrap();
    assert!(store.claim_question(at(2)).await.unwrap().is_none());
    assert_eq!(store.asked_about("A").await.unwrap(), Some(media("A")));
    assert!(fixture.answer("A", lacks(), 3).await);
    fixture.take_question("other", 3).await;
    assert_eq!(store.asked_about("A").await.unwrap(), Some(media("other")));
}

pub(super) async fn a_phone_that_says_nothing_of_use_is_asked_twice(fixture: Fixture) {
    fixture.accept(vec![unheld("A")], at(0)).await;
    fixture.ask_for("A", 1).await;
    fixture.drain(at(1)).await;
    assert!(fixture.answer("A", unclear(3600), 2).await);
    assert!(
        fixture
            .store
            .claim_question(at(3599))
            .await
            .unwrap()
            .is_none()
    );
    fixture.take_question("A", 3600).await;
    assert!(fixture.drain(at(3600)).await.is_empty(), "told once");
    assert!(fixture.answer("A", unclear(7200), 3601).await);
    assert_eq!(fixture.record("A").await.status, MediaStatus::Failed);
    assert_eq!(fixture.drain(at(3601)).await, ["media.failed media-A"]);
}

pub(super) async fn what_waits_for_the_phone_is_due_when_its_time_is_up(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unheld("A")], at(0)).await;
    fixture.ask_for("A", 1).await;
    // Neither a bucket that is back nor a caller wakes it before.
    assert_eq!(store.wake(at(2)).await.unwrap(), 0);
    let asked = store.request_persist(&media("A"), at(3)).await.unwrap();
    assert_eq!(asked.unwrap().status, MediaStatus::Waiting);
    let end = 1 + 14 * DAY;
    assert!(store.claim_transfer(at(end - 1)).await.unwrap().is_none());
    let late = store.claim_transfer(at(end)).await.unwrap().unwrap();
    assert_eq!(late.phone, Phone::Asked(at(1)));
}

pub(super) async fn a_file_that_nobody_saves_is_asked_for_by_its_caller_alone(fixture: Fixture) {
    let store = &fixture.store;
    let mut unsaved = text("A");
    unsaved.media = image("A").media;
    unsaved.media[0].persist = false;
    fixture.accept(vec![unsaved], at(0)).await;
    assert!(store.ask_phone(&media("A"), gone(), at(1)).await.unwrap());
    assert!(!store.ask_phone(&media("A"), gone(), at(1)).await.unwrap());
    fixture.take_question("A", 1).await;
    assert!(!store.ask_phone(&media("A"), gone(), at(2)).await.unwrap());
    assert_eq!(fixture.drain(at(2)).await, ["message.received A"]);
    assert!(fixture.answer("A", found(), 3).await);
    let record = fixture.record("A").await;
    assert_eq!(record.status, MediaStatus::Received);
    assert_eq!(
        record.reference.direct_path.as_deref(),
        Some("/v/new?oe=69000000")
    );
    assert!(store.claim_transfer(at(4)).await.unwrap().is_none());
}

pub(super) async fn an_answer_finds_a_running_file_too(fixture: Fixture) {
    let store = &fixture.store;
    fixture.accept(vec![unheld("A"), unheld("B")], at(0)).await;
    for (id, answer) in [("A", found()), ("B", lacks())] {
        let running = store.claim_transfer(at(1)).await.unwrap().unwrap();
        assert_eq!(running.id, media(id));
        store.ask_phone(&media(id), gone(), at(1)).await.unwrap();
        fixture.take_question(id, 1).await;
        assert!(fixture.answer(id, answer, 2).await);
        store
            .transfer_asks(&media(id), gone(), at(3))
            .await
            .unwrap();
    }
    assert_eq!(fixture.record("A").await.status, MediaStatus::Queued);
    let lacking = fixture.record("B").await;
    assert_eq!(lacking.status, MediaStatus::Failed);
    assert!(!lacking.error.unwrap().retryable);
}

pub(super) async fn a_newer_reference_needs_no_phone(fixture: Fixture) {
    fixture.accept(vec![unheld("A")], at(0)).await;
    fixture.ask_for("A", 1).await;
    let mut again = unheld("A");
    again.media = vec![super::fixture::file("media-A", "/v/newer?oe=69000001")];
    fixture.accept(vec![again], at(2)).await;
    assert_eq!(fixture.record("A").await.phone, Phone::Unasked);
    assert!(!fixture.answer("A", lacks(), 3).await);
    assert_eq!(fixture.record("A").await.status, MediaStatus::Queued);
}
