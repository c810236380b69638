//! A deliverer over a store of its own, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::sink::client_for;
use super::{Deliverer, Endpoint, Tally};
use crate::api::media_info::{MediaInfo, MediaInfos, media_info};
use crate::bucket::ObjectUrl;
use crate::clock;
use crate::message::{MessageKey, SessionKey};
use crate::store::{Depths, MediaRecord, NewMessage, Store, StoreLimits};

/// Where test sinks are.
pub(super) const LOOPBACK: &[&str] = &["127.0.0.0/8"];

/// Every URL it makes is another one, as presigned ones are.
#[derive(Default)]
pub(super) struct FreshUrls(AtomicU64);

impl MediaInfos for FreshUrls {
    fn info(&self, record: &MediaRecord, now: Timestamp) -> MediaInfo {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let url = ObjectUrl {
            url: format!("https://s3.acme.com/{}?n={number}", record.id),
            expires_at: now.checked_add(Duration::from_hours(1)).ok(),
        };
        media_info(&record.session, record, Some(&url))
    }
}

/// A running deliverer over a store of its own.
pub(super) struct Scene {
    pub(super) store: Store,
    pub(super) config: watch::Sender<Arc<Vec<Endpoint>>>,
    pub(super) tally: Arc<Tally>,
    pub(super) shutdown: CancellationToken,
    pub(super) running: JoinHandle<()>,
    _dir: TempDir,
}

// === impl Scene ===

impl Scene {
    pub(super) async fn start(endpoints: Vec<Endpoint>, allow: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir).await;
        let (config, endpoints) = watch::channel(Arc::new(endpoints));
        let client = client_for(allow);
        let tally = Arc::<Tally>::default();
        let deliverer = Deliverer::new(
            store.clone(),
            endpoints,
            client,
            Arc::<FreshUrls>::default(),
            Arc::clone(&tally),
            Arc::default(),
        );
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(deliverer.run(shutdown.clone()));
        Self {
            store,
            config,
            tally,
            shutdown,
            running,
            _dir: dir,
        }
    }

    /// Accepts one message per (chat, id), in this order, for every endpoint.
    pub(super) async fn accept(&self, messages: &[(&str, &str)]) {
        let (ids, now) = (self.endpoint_ids(), clock::now());
        let messages = messages
            .iter()
            .map(|(chat, id)| message(chat, id, &ids, now));
        self.store.accept(messages.collect(), now).await.unwrap();
    }

    pub(super) fn endpoint_ids(&self) -> Vec<String> {
        let config = self.config.borrow();
        config.iter().map(|endpoint| endpoint.id.clone()).collect()
    }

    pub(super) async fn wait_until(&self, fits: impl Fn(&Depths) -> bool) {
        let waited = timeout(Duration::from_secs(30), async {
            while !fits(&self.store.depths().await.unwrap()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("the queue gets there in time");
    }

    pub(super) async fn wait_until_empty(&self) {
        self.wait_until(|depths| depths.deliveries_pending == 0)
            .await;
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        let stopped = timeout(Duration::from_secs(30), self.running);
        stopped.await.expect("it stops in time").unwrap();
    }
}

pub(super) fn session() -> SessionKey {
    SessionKey {
        tenant: "acme".to_owned(),
        session: "default".to_owned(),
    }
}

/// A new store in `dir`.
pub(super) async fn open(dir: &TempDir) -> Store {
    let path = dir.path().join("titan.db");
    let store = Store::open(&path, session(), None, StoreLimits::default());
    store.await.unwrap()
}

/// A message without media.
pub(super) fn message(chat: &str, id: &str, endpoints: &[String], now: Timestamp) -> NewMessage {
    NewMessage {
        key: MessageKey {
            chat: chat.to_owned(),
            from_me: false,
            participant: None,
            id: id.to_owned(),
        },
        received_at: now,
        timestamp: Some(now.as_second()),
        event: "message.received",
        facts: json!({"id": id, "chatId": chat}),
        placeholder: false,
        media: Vec::new(),
        links_to_edit_of: None,
        endpoints: endpoints.to_vec(),
        followups: Vec::new(),
        hold_until: None,
    }
}
