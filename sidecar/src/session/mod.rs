//! A running session: its configuration, store and bucket, and what others ask of it.

mod accept;
pub mod device;
mod hosts;
mod phone;
mod probe;
mod replicas;
mod sending;
mod storage;
mod upkeep;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use accept::CDN_RETENTION;
pub use device::Linked;
use sending::Outgoings;

use crate::{
    api::{
        media_info::{MediaInfo, MediaInfos, media_info},
        rate_limit::{KeyDigest, Limits},
    },
    cdn::Cdn,
    clock,
    config::{Records, SessionConfig},
    device::Place,
    history,
    message::SessionKey,
    metrics::Metrics,
    net::AddressPolicy,
    send,
    store::{Database, MediaRecord, MediaStatus, Store, StoreError, StoreLimits},
    transfer::{range::KnownLengths, worker::Worker},
    webhook::{self, Deliverer, Tally},
};

/// What all sessions of a process share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The CDN client.
    pub cdn: Arc<Cdn>,
    /// Which addresses buckets and webhooks may be on.
    pub policy: Arc<AddressPolicy>,
    /// Posts webhooks.
    pub webhooks: webhook::Client,
    /// Posts to gateways.
    pub gateways: send::Client,
    /// Fetches files that callers name by a link.
    pub links: send::fetch::Client,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Counts deliveries.
    pub deliveries: Arc<Tally>,
    /// Transfers at once over all sessions. First come, first served: since every session waits
    /// with one file at a time, sessions take turns.
    pub slots: Arc<Semaphore>,
    /// Where the program is that holds linked devices.
    pub device_place: Option<Place>,
    /// No new work is taken.
    pub shutdown: CancellationToken,
}

/// One running session.
#[derive(Debug)]
pub struct Session {
    key: SessionKey,
    config: watch::Sender<Arc<SessionConfig>>,
    store: Store,
    /// What the store was opened on.
    records: Records,
    shared: Shared,
    bucket: RwLock<Arc<storage::Current>>,
    /// The bucket has just gone down.
    bucket_trouble: Notify,
    webhooks: Arc<webhook::Health>,
    tasks: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
    media: watch::Sender<()>,
    lengths: KnownLengths,
    requests: Limits<KeyDigest>,
    sends: Limits<()>,
    outgoings: Outgoings,
    device: Option<Arc<Linked>>,
    history: history::Bell,
}

impl Session {
    /// Opens the store, which is a file below `data_dir` (`<tenant>/<session>/titan.db`) or a database,
    /// queues again what a crash interrupted, and starts the session's tasks.
    ///
    /// # Errors
    ///
    /// When the store can't be opened.
    pub async fn start(
        config: Arc<SessionConfig>,
        data_dir: &Path,
        shared: Shared,
    ) -> Result<Arc<Self>, StoreError> {
        let key = config.key.clone();
        let store = open_store(&config, data_dir, &shared).await?;
        store.recover(clock::now()).await?;
        let outgoings = Outgoings::open(data_dir, &config, &store).await?;
        let (device, beginning) = Linked::open(&config, data_dir, &shared)?.unzip();
        let (stop, abort) = (shared.shutdown.child_token(), CancellationToken::new());
        let session = Arc::new(Self {
            key,
            bucket: RwLock::new(Arc::new(storage::Current::of(&config, &shared.policy))),
            bucket_trouble: Notify::new(),
            requests: Limits::new(config.rate_limit),
            sends: Limits::new(config.send_rate_limit),
            webhooks: Arc::default(),
            records: config.records.clone(),
            config: watch::Sender::new(config),
            store,
            shared,
            tasks: TaskTracker::new(),
            stop,
            abort,
            media: watch::Sender::default(),
            lengths: KnownLengths::default(),
            outgoings,
            device,
            history: history::Bell::default(),
        });
        session.spawn_tasks(beginning);
        Ok(session)
    }

    fn spawn_tasks(self: &Arc<Self>, beginning: Option<device::Beginning>) {
        let deliverer = Deliverer::new(
            self.store.clone(),
            self.config.subscribe(),
            self.shared.webhooks.clone(),
            self.clone(),
            self.shared.deliveries.clone(),
            self.webhooks.clone(),
        );
        self.tasks.spawn(deliverer.run(self.stop.clone()));
        self.tasks
            .spawn(Worker::new(self.clone(), self.config.subscribe()).run());
        self.tasks
            .spawn(send::worker::run(self.clone(), self.config.subscribe()));
        self.tasks
            .spawn(upkeep::run(self.clone(), self.config.subscribe()));
        self.tasks
            .spawn(probe::run(self.clone(), self.config.subscribe()));
        if self.device().is_some_and(|device| device.config().history) {
            self.tasks.spawn(history::run(self.clone()));
        }
        if let Some(beginning) = beginning {
            self.begin_device(beginning);
        }
        if self.store.is_shared() {
            // Not one of the tasks: what runs while the session stops needs its leases.
            tokio::spawn(replicas::run(Arc::downgrade(self)));
        }
        self.tasks.close();
    }

    /// Takes a changed configuration. A changed bucket or credential wakes what waits for it; a
    /// store key that is gone from it stays in use, else nothing sealed could be read any more.
    ///
    /// # Errors
    ///
    /// When the store can't be written; the configuration is in force all the same.
    pub async fn reconfigure(&self, config: Arc<SessionConfig>) -> Result<(), StoreError> {
        let other_storage = config.storage != self.config().storage;
        if other_storage {
            self.change_bucket(&config);
        }
        if config.seal_key.is_some() {
            self.store.set_seal(config.seal_key.clone());
        }
        self.requests.change(config.rate_limit);
        self.sends.change(config.send_rate_limit);
        if let Records::Postgres(url) = &config.records {
            self.store.set_database_url(url.clone());
        }
        self.config.send_replace(config);
        let now = clock::now();
        if other_storage {
            self.store.wake(now).await?;
        }
        if self.bucket_is_down() {
            self.store.release_overdue(now, true).await?;
        }
        Ok(())
    }

    /// Whether `config` keeps the records elsewhere than this session does, or has another device. A
    /// database whose Secret went missing, or has other credentials, is no other one: what works goes on.
    #[must_use]
    pub fn must_reopen(&self, config: &SessionConfig) -> bool {
        if config.device.as_ref() != self.device.as_ref().map(|device| device.config()) {
            return true;
        }
        match (&config.records, &self.records) {
            (Records::Unknown(_), _) | (Records::Sqlite, Records::Sqlite) => false,
            (Records::Postgres(new), Records::Postgres(old)) => !new.is_same_place(old),
            (Records::Sqlite, Records::Postgres(_) | Records::Unknown(_))
            | (Records::Postgres(_), Records::Sqlite | Records::Unknown(_)) => true,
        }
    }

    /// Stops taking work, lets what runs finish for `grace`, gives up the rest (the next start
    /// takes it up again), and closes the store.
    pub async fn stop(&self, grace: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(grace, self.tasks.wait())
            .await
            .is_err()
        {
            self.abort.cancel();
            self.tasks.wait().await;
        }
        if let Err(error) = self.store.close(clock::now()).await {
            tracing::warn!(session = %self.key, %error, "store was closed already");
        }
    }

    /// Tenant and API name.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<SessionConfig> {
        self.config.borrow().clone()
    }

    /// The session's records.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How deliveries to the session's webhooks go.
    #[must_use]
    pub fn webhooks(&self) -> &webhook::Health {
        &self.webhooks
    }

    /// Counts the session's API requests, each key on its own.
    #[must_use]
    pub fn requests(&self) -> &Limits<KeyDigest> {
        &self.requests
    }

    /// Counts the messages that the session sends.
    #[must_use]
    pub fn sends(&self) -> &Limits<()> {
        &self.sends
    }

    /// Changes whenever a file's state does.
    #[must_use]
    pub fn media_changes(&self) -> watch::Receiver<()> {
        self.media.subscribe()
    }

    pub(crate) fn media_changed(&self) {
        self.media.send_replace(());
    }

    /// Lengths of files on the CDN that were authenticated before.
    pub(crate) fn known_lengths(&self) -> &KnownLengths {
        &self.lengths
    }

    /// Rung when history was queued.
    pub(crate) fn history_bell(&self) -> &history::Bell {
        &self.history
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) fn aborting(&self) -> &CancellationToken {
        &self.abort
    }
}

async fn open_store(
    config: &SessionConfig,
    data_dir: &Path,
    shared: &Shared,
) -> Result<Store, StoreError> {
    let (key, seal) = (config.key.clone(), config.seal_key.clone());
    match &config.records {
        Records::Sqlite => {
            let limits = StoreLimits {
                volume_bytes: config.volume_bytes,
            };
            Store::open(&store_path(data_dir, &key), key, seal, limits).await
        }
        Records::Postgres(url) => {
            let database = Database::new(url.clone(), shared.policy.clone());
            Store::open_postgres(&database, key, seal).await
        }
        Records::Unknown(missing) => Err(StoreError::NotConfigured(missing.clone())),
    }
}

/// The file of a session's records below `data_dir`.
#[must_use]
pub fn store_path(data_dir: &Path, key: &SessionKey) -> PathBuf {
    folder(data_dir, key).join("titan.db")
}

fn folder(data_dir: &Path, key: &SessionKey) -> PathBuf {
    data_dir.join(&key.tenant).join(&key.session)
}

impl MediaInfos for Session {
    fn info(&self, record: &MediaRecord, now: Timestamp) -> MediaInfo {
        let stored = record.status == MediaStatus::Stored;
        let key = record.key.as_deref().filter(|_| stored);
        let url = key.and_then(|key| {
            let bucket = self.bucket_of(record).ok()?;
            match bucket.url(key, now) {
                Ok(url) => Some(url),
                Err(error) => {
                    tracing::warn!(session = %self.key, media = %record.id, %error, "no URL for a stored object");
                    None
                }
            }
        });
        media_info(&self.key, record, url.as_ref())
    }
}
