//! Media keys at rest.

use super::fixture::{Fixture, at, image, text};
use crate::message::MediaId;
use crate::store::{MediaStatus, SealError, SealKey, StoreError, StoreLimits};

const OLD: [u8; 32] = [0x11; 32];
const NEW: [u8; 32] = [0x22; 32];

fn id() -> MediaId {
    MediaId("media-A".into())
}

async fn sealed(seal: Option<SealKey>) -> Fixture {
    let fixture = Fixture::with(seal, StoreLimits::default()).await;
    fixture.accept(vec![image("A")], at(0)).await;
    fixture
}

async fn media_key(fixture: &Fixture) -> Result<[u8; 32], StoreError> {
    let record = fixture.store.media(&id()).await?.unwrap();
    Ok(record.reference.media_key.as_ref().unwrap().0)
}

/// The file and its log hold this byte string.
fn on_disk(fixture: &Fixture, bytes: &[u8]) -> bool {
    let path = fixture.path();
    let log = path.with_file_name("titan.db-wal");
    [path, log].into_iter().any(|path| {
        std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|part| part == bytes))
    })
}

#[tokio::test]
async fn a_store_key_keeps_media_keys_off_the_disk() {
    let fixture = sealed(Some(SealKey::new(OLD, []))).await;
    assert_eq!(media_key(&fixture).await.unwrap(), [0xAB; 32]);
    assert!(!on_disk(&fixture, &[0xAB; 32]));
    let open = sealed(None).await;
    assert!(on_disk(&open, &[0xAB; 32]), "the search works");
}

#[tokio::test]
async fn a_rotation_opens_old_rows_and_seals_them_anew() {
    let fixture = sealed(Some(SealKey::new(OLD, []))).await;
    let store = &fixture.store;
    store.set_seal(Some(SealKey::new(NEW, [OLD])));
    assert_eq!(media_key(&fixture).await.unwrap(), [0xAB; 32]);
    assert_eq!(store.reseal().await.unwrap(), 1);
    assert_eq!(store.reseal().await.unwrap(), 0);
    store.set_seal(Some(SealKey::new(NEW, [])));
    assert_eq!(media_key(&fixture).await.unwrap(), [0xAB; 32]);
}

#[tokio::test]
async fn keys_kept_open_are_sealed_once_there_is_a_store_key() {
    let fixture = sealed(None).await;
    let store = &fixture.store;
    assert_eq!(store.reseal().await.unwrap(), 0);
    store.set_seal(Some(SealKey::new(NEW, [])));
    assert_eq!(media_key(&fixture).await.unwrap(), [0xAB; 32]);
    assert_eq!(store.reseal().await.unwrap(), 1);
    store.set_seal(None);
    let missing = media_key(&fixture).await.unwrap_err();
    assert!(matches!(
        missing,
        StoreError::Seal(SealError::MissingKey(_))
    ));
}

#[tokio::test]
async fn a_missing_store_key_stops_its_own_files_only() {
    let fixture = sealed(Some(SealKey::new(OLD, []))).await;
    let store = &fixture.store;
    store.set_seal(Some(SealKey::new(NEW, [])));
    fixture.accept(vec![image("B")], at(1)).await;
    let claimed = store.claim_transfer(at(2)).await.unwrap().unwrap();
    assert_eq!(claimed.message.id, "B");
    assert!(store.claim_transfer(at(2)).await.unwrap().is_none());
    assert_eq!(store.next_transfer_due().await.unwrap(), Some(at(302)));
    // The key comes back.
    store.set_seal(Some(SealKey::new(NEW, [OLD])));
    store.wake(at(3)).await.unwrap();
    let claimed = store.claim_transfer(at(3)).await.unwrap().unwrap();
    assert_eq!(claimed.message.id, "A");
    assert_eq!(claimed.status, MediaStatus::Running);
}

#[tokio::test]
async fn text_needs_no_store_key() {
    let fixture = sealed(Some(SealKey::new(OLD, []))).await;
    fixture.store.set_seal(None);
    let accepted = fixture.accept(vec![text("T")], at(0)).await;
    assert!(accepted[0].new);
}
