//! A store to test, and messages to put into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use titan_tests::postgres::{self, Postgres};

use crate::media::{MediaKey, MediaKind, MediaType};
use crate::message::{MediaId, MediaReference, MessageKey, SessionKey};
use crate::net::AddressPolicy;
use crate::store::claim::endpoints;
use crate::store::{
    Accepted, Database, DatabaseUrl, Delivery, MediaError, NewMedia, NewMessage, SealKey, Store,
    StoreLimits, Stored,
};

pub(super) const CHAT: &str = "4915112345678@s.whatsapp.net";
pub(super) const ENDPOINT: &str = "app";

/// A store in a directory or database of its own.
pub(super) struct Fixture {
    pub(super) store: Store,
    place: Place,
    seal: Option<SealKey>,
    limits: StoreLimits,
}

/// Where it is.
enum Place {
    Directory(TempDir),
    Database(postgres::Database),
}

impl Fixture {
    pub(super) async fn sqlite() -> Self {
        Self::with(None, StoreLimits::default()).await
    }

    pub(super) async fn with(seal: Option<SealKey>, limits: StoreLimits) -> Self {
        let place = Place::Directory(tempfile::tempdir().unwrap());
        Self::at(place, seal, limits).await
    }

    pub(super) async fn postgres() -> Self {
        // Starting the server and psql block; other facts go on meanwhile.
        let database = tokio::task::spawn_blocking(|| Postgres::shared().database());
        let place = Place::Database(database.await.unwrap());
        Self::at(place, None, StoreLimits::default()).await
    }

    async fn at(place: Place, seal: Option<SealKey>, limits: StoreLimits) -> Self {
        Self {
            store: open(&place, session(), seal.clone(), limits).await,
            place,
            seal,
            limits,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        match &self.place {
            Place::Directory(directory) => directory.path().join("titan.db"),
            Place::Database(_) => panic!("a database is no file"),
        }
    }

    /// The database.
    pub(super) fn database(&self) -> &postgres::Database {
        match &self.place {
            Place::Directory(_) => panic!("a file is no database"),
            Place::Database(database) => database,
        }
    }

    /// Lets `seconds` pass for leases, which go by the database's clock and are only on Postgres.
    pub(super) fn age_leases(&self, seconds: u32) {
        if let Place::Database(database) = &self.place {
            for table in ["media", "deliveries", "sends"] {
                database.sql(&format!(
                    "UPDATE {table} SET lease_until = lease_until - {seconds}000"
                ));
            }
        }
    }

    /// As after a crash: the old handle is simply not used any more, nothing is closed.
    pub(super) async fn reopen(&mut self) {
        self.store = self.another(session()).await;
    }

    /// Another store over the same records: another replica's, or another session's.
    pub(super) async fn another(&self, session: SessionKey) -> Store {
        open(&self.place, session, self.seal.clone(), self.limits).await
    }

    pub(super) async fn accept(&self, messages: Vec<NewMessage>, at: Timestamp) -> Vec<Accepted> {
        self.store.accept(messages, at).await.unwrap()
    }

    /// Claims, and answers what the events are.
    pub(super) async fn claim(&self, at: Timestamp) -> Vec<Delivery> {
        claim(&self.store, at).await
    }

    /// Delivers all that can be claimed at `at`, in rounds; answers the event names and message ids.
    pub(super) async fn drain(&self, at: Timestamp) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let claimed = self.claim(at).await;
            if claimed.is_empty() {
                return told;
            }
            for delivery in claimed {
                told.push(describe(&delivery));
                self.store.delivered(delivery.id, at).await.unwrap();
            }
        }
    }

    /// Claims the next transfer and notes that it was stored.
    pub(super) async fn store_next(&self, at: Timestamp) -> MediaId {
        let record = self.store.claim_transfer(at).await.unwrap().unwrap();
        self.store
            .transfer_stored(&record.id, stored(), at)
            .await
            .unwrap();
        record.id
    }
}

/// Claims what is due at `at`, endpoint by endpoint.
pub(super) async fn claim(store: &Store, at: Timestamp) -> Vec<Delivery> {
    let mut conn = store.reader().await.unwrap();
    let endpoints = endpoints(&mut conn, store.session()).await.unwrap();
    drop(conn);
    let mut claimed = Vec::new();
    for endpoint in endpoints {
        let of = store.claim_deliveries_of(&endpoint, at, 100).await;
        claimed.extend(of.unwrap());
    }
    claimed
}

async fn open(
    place: &Place,
    session: SessionKey,
    seal: Option<SealKey>,
    limits: StoreLimits,
) -> Store {
    let store = match place {
        Place::Directory(directory) => {
            let path = directory.path().join("titan.db");
            Store::open(&path, session, seal, limits).await
        }
        Place::Database(database) => {
            Store::open_postgres(&reachable(&database.url()), session, seal).await
        }
    };
    store.unwrap()
}

/// A database whose address may be dialled.
pub(super) fn reachable(url: &str) -> Database {
    let loopback = ["127.0.0.0/8", "::1/128"].map(|range| range.parse().unwrap());
    let policy = AddressPolicy::new(loopback.into(), false, Vec::new());
    Database::new(
        DatabaseUrl::parse(url.as_bytes()).unwrap(),
        Arc::new(policy),
    )
}

/// `name id outcome` of a delivery.
pub(super) fn describe(delivery: &Delivery) -> String {
    let event = &delivery.event;
    let id = event
        .facts
        .get("id")
        .or_else(|| event.facts.get("mediaId"))
        .and_then(|id| id.as_str())
        .unwrap_or("?");
    match event.outcome {
        Some(outcome) => format!("{} {id} {outcome:?}", event.event),
        None => format!("{} {id}", event.event),
    }
}

pub(super) fn session() -> SessionKey {
    SessionKey {
        tenant: "acme".into(),
        session: "default".into(),
    }
}

/// `seconds` after the start of the test's time.
pub(super) fn at(seconds: u64) -> Timestamp {
    let start = Timestamp::from_second(1_750_000_000).unwrap();
    start.checked_add(Duration::from_secs(seconds)).unwrap()
}

/// A text message.
pub(super) fn text(id: &str) -> NewMessage {
    NewMessage {
        key: MessageKey {
            chat: CHAT.into(),
            from_me: false,
            participant: None,
            id: id.into(),
        },
        received_at: at(0),
        timestamp: Some(1_750_000_000),
        event: "message.received",
        facts: json!({"id": id, "type": "text"}),
        placeholder: false,
        media: Vec::new(),
        links_to_edit_of: None,
        endpoints: vec![ENDPOINT.into()],
        followups: vec![ENDPOINT.into()],
        hold_until: None,
    }
}

/// The same in another chat.
pub(super) fn in_chat(mut message: NewMessage, chat: &str) -> NewMessage {
    message.key.chat = chat.into();
    message
}

/// A message with one file to be saved, held for 60 s.
pub(super) fn image(id: &str) -> NewMessage {
    NewMessage {
        media: vec![file(&format!("media-{id}"), "/v/t62/a?oe=68000000")],
        hold_until: Some(at(60)),
        ..text(id)
    }
}

/// A file to be saved.
pub(super) fn file(id: &str, path: &str) -> NewMedia {
    NewMedia {
        id: MediaId(id.into()),
        reference: reference(path),
        persist: true,
        expires_at: at(14 * 24 * 3600),
    }
}

pub(super) fn reference(path: &str) -> MediaReference {
    MediaReference {
        kind: MediaKind::Image,
        media_type: MediaType::Image,
        direct_path: Some(path.into()),
        url: None,
        media_key: Some(MediaKey([0xAB; 32])),
        sha256: Some([1; 32]),
        enc_sha256: Some([2; 32]),
        file_length: Some(1234),
        mime_type: Some("image/jpeg".into()),
        file_name: None,
        seconds: None,
        ptt: false,
        width: Some(10),
        height: None,
        streaming_sidecar: Some(vec![9; 20]),
        thumbnail: None,
        jpeg_thumbnail: Some(vec![8; 30]),
        fault: None,
    }
}

pub(super) fn stored() -> Stored {
    Stored {
        sha256: [1; 32],
        length: 1234,
    }
}

pub(super) fn error(code: &str, retryable: bool) -> MediaError {
    MediaError {
        code: code.into(),
        message: "of the test".into(),
        retryable,
    }
}
