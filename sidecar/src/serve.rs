//! `serve`: one process, its two ports, and the sessions that come and go with their manifests.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::serve::Listener;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, Readiness},
    api::{self, Registry},
    cdn::Cdn,
    config::{self, ConfigError, Sessions},
    device::Place,
    fleet::Fleet,
    metrics::Metrics,
    net::{self, AddressPolicy},
    send,
    session::Shared,
    store::{StoreError, lock::DataDirLock},
    webhook,
};

/// Transfers at once over all sessions of a process.
const SLOTS: usize = 64;

/// How long requests are still served after readiness is gone: load balancers need a moment.
const LINGER: Duration = Duration::from_secs(3);

/// How long requests, transfers and deliveries may go on after that.
const DRAIN: Duration = Duration::from_secs(25);

/// What `serve` runs.
#[derive(Debug)]
pub struct Config {
    /// What to serve first; in a pod perhaps why there is nothing yet.
    pub sessions: Result<Sessions, ConfigError>,
    /// Notices edits of the configuration.
    pub watch: config::watch::Watch,
    /// Folder of the records.
    pub data_dir: PathBuf,
    /// The API port.
    pub listener: TcpListener,
    /// The admin port.
    pub admin_listener: TcpListener,
    /// The CDN.
    pub cdn: Cdn,
    /// Which addresses buckets and webhooks may be on.
    pub policy: Arc<AddressPolicy>,
    /// Largest body of an inbound request, bytes.
    pub inbound_max_bytes: usize,
    /// Where the program is that holds linked devices.
    pub device_place: Option<Place>,
    /// How long to serve on after readiness is gone.
    pub linger: Duration,
}

/// What ends the process.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory can't be used.
    #[error("data directory: {0}")]
    Store(#[from] StoreError),
    /// TLS can't be set up.
    #[error("tls: {0}")]
    Tls(#[from] net::NetError),
    /// A port fails.
    #[error("listener: {0}")]
    Io(#[from] std::io::Error),
}

/// The default of [`Config::linger`].
#[must_use]
pub fn linger() -> Duration {
    LINGER
}

/// Serves until `shutdown`, then stops in order: no longer ready, serve a little longer, stop
/// taking, finish what runs, release the data directory.
///
/// # Errors
///
/// [`ServeError`] when it can't start.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), ServeError> {
    let metrics = Arc::new(Metrics::default());
    let registry = Arc::new(Registry::default());
    let readiness = Arc::new(Readiness::default());
    let deliveries = Arc::<webhook::Tally>::default();
    let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
    let admin = admin::router(admin::State {
        registry: registry.clone(),
        metrics: metrics.clone(),
        deliveries: deliveries.clone(),
        readiness: readiness.clone(),
    });
    let admin = spawn_server(config.admin_listener, admin, ended.clone());
    if let Err(error) = &config.sessions {
        readiness.refuse_config(error);
    }
    let lock = tokio::select! {
        lock = DataDirLock::acquire(&config.data_dir) => lock?,
        () = shutdown.cancelled() => return Ok(()),
    };
    tracing::info!("data directory taken");
    let tls = net::tls_config(None)?;
    let shared = Shared {
        cdn: Arc::new(config.cdn),
        webhooks: webhook::client(config.policy.clone(), tls.clone()),
        gateways: send::client(config.policy.clone(), tls.clone()),
        links: send::fetch::client(config.policy.clone(), tls),
        policy: config.policy,
        slots: Arc::new(Semaphore::new(SLOTS)),
        metrics: metrics.clone(),
        deliveries,
        device_place: config.device_place,
        shutdown: CancellationToken::new(),
    };
    let (door, open) = watch::channel(api::listener::Door::default());
    let fleet = Fleet {
        door,
        registry: registry.clone(),
        readiness: readiness.clone(),
        shared: shared.clone(),
        data_dir: config.data_dir,
    };
    let router = api::router(api::State {
        registry,
        metrics,
        inbound_max_bytes: config.inbound_max_bytes,
    });
    let sessions = begin(&fleet, config.sessions).await;
    let listener = api::listener::Listener::new(config.listener, open);
    let mut api = spawn_server(listener, router, closing.clone());

    fleet.follow(sessions, config.watch, &shutdown).await;
    tracing::info!("stopping");
    readiness.set(false);
    tokio::time::sleep(config.linger).await;
    closing.cancel();
    shared.shutdown.cancel();
    let deadline = Instant::now() + DRAIN;
    // What was begun is answered before the stores close.
    if tokio::time::timeout_at(deadline, &mut api).await.is_err() {
        tracing::warn!("requests broken off");
        api.abort();
    }
    fleet.stop(deadline).await;
    ended.cancel();
    admin.abort();
    tracing::info!("data directory given back");
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

/// Starts the sessions of the first configuration, if there is one.
async fn begin(fleet: &Fleet, first: Result<Sessions, ConfigError>) -> Sessions {
    match first {
        Ok(sessions) => {
            fleet.apply(&sessions).await;
            tracing::info!("ready");
            sessions
        }
        Err(error) => {
            fleet.refuse(&error);
            Sessions::new()
        }
    }
}

fn spawn_server<L: Listener<Addr: std::fmt::Debug>>(
    listener: L,
    router: axum::Router,
    closing: CancellationToken,
) -> JoinHandle<std::io::Result<()>> {
    let server = axum::serve(listener, router).with_graceful_shutdown(closing.cancelled_owned());
    tokio::spawn(async move { server.await })
}
