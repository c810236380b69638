//! `serve`: one process, its two ports, and the sessions that come and go with their manifests.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{self, Readiness},
    api::{self, Registry},
    cdn::{self, Cdn},
    config::{Sessions, Sources, watch},
    metrics::Metrics,
    net::{self, AddressPolicy},
    session::{Session, Shared},
    store::{StoreError, lock::DataDirLock},
    webhook,
};

/// Transfers at once over all sessions of a process.
const SLOTS: usize = 64;

/// How long requests are still served after readiness is gone: load balancers need a moment.
const LINGER: Duration = Duration::from_secs(3);

/// How long running transfers and deliveries may go on after that.
const DRAIN: Duration = Duration::from_secs(25);

/// What `serve` runs.
#[derive(Debug)]
pub struct Config {
    /// The sessions, and where they are re-read from.
    pub sources: Sources,
    /// The API port.
    pub listener: TcpListener,
    /// The admin port.
    pub admin_listener: TcpListener,
    /// The CDN.
    pub cdn: cdn::Config,
    /// Which addresses buckets and webhooks may be on.
    pub policy: AddressPolicy,
    /// Largest body of an inbound request, bytes.
    pub inbound_max_bytes: usize,
    /// How long to serve on after readiness is gone.
    pub linger: Duration,
}

/// What ends the process.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory can't be used.
    #[error("data directory: {0}")]
    Store(#[from] StoreError),
    /// The CDN client can't be made.
    #[error("cdn: {0}")]
    Cdn(#[from] cdn::ConfigError),
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
pub async fn run(
    config: Config,
    sessions: Sessions,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let metrics = Arc::new(Metrics::default());
    let registry = Arc::new(Registry::default());
    let readiness = Arc::new(Readiness::default());
    let closing = CancellationToken::new();
    let admin = admin::router(admin::State {
        registry: registry.clone(),
        metrics: metrics.clone(),
        readiness: readiness.clone(),
    });
    let admin = spawn_server(config.admin_listener, admin, closing.clone());

    let data_dir = config.sources.data_dir.clone();
    let lock = tokio::select! {
        lock = DataDirLock::acquire(&data_dir) => lock?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let policy = Arc::new(config.policy);
    let shared = Shared {
        cdn: Arc::new(Cdn::new(config.cdn, policy.clone())?),
        webhooks: webhook::client(policy.clone(), net::tls_config(None)?),
        policy,
        slots: Arc::new(Semaphore::new(SLOTS)),
        metrics: metrics.clone(),
        shutdown: CancellationToken::new(),
        abort: CancellationToken::new(),
    };
    let fleet = Fleet {
        registry: registry.clone(),
        shared: shared.clone(),
        data_dir,
    };
    let watch = watch::Watch::new(config.sources);
    fleet.apply(sessions).await;
    let router = api::router(api::State {
        registry,
        metrics,
        inbound_max_bytes: config.inbound_max_bytes,
    });
    let api = spawn_server(config.listener, router, closing.clone());
    readiness.set(true);
    tracing::info!("ready");

    fleet.follow(watch, &shutdown).await;
    tracing::info!("stopping");
    readiness.set(false);
    tokio::time::sleep(config.linger).await;
    closing.cancel();
    shared.shutdown.cancel();
    if tokio::time::timeout(DRAIN, fleet.stop()).await.is_err() {
        shared.abort.cancel();
        fleet.stop().await;
    }
    api.abort();
    admin.abort();
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

fn spawn_server(
    listener: TcpListener,
    router: axum::Router,
    closing: CancellationToken,
) -> JoinHandle<std::io::Result<()>> {
    let server = axum::serve(listener, router).with_graceful_shutdown(closing.cancelled_owned());
    tokio::spawn(async move { server.await })
}

/// The running sessions, kept equal to the configuration.
struct Fleet {
    registry: Arc<Registry>,
    shared: Shared,
    data_dir: PathBuf,
}

impl Fleet {
    /// Starts, changes and stops sessions until they are what `wanted` says. A session that can't
    /// start is logged and tried again with the next change; the others run.
    async fn apply(&self, wanted: Sessions) {
        let names: BTreeSet<&String> = wanted
            .iter()
            .filter(|(_, config)| !config.suspended)
            .map(|(name, _)| name)
            .collect();
        for session in self.registry.all() {
            let name = &session.key().session;
            let same = wanted
                .get(name)
                .is_some_and(|config| config.key == *session.key());
            if !same || !names.contains(name) {
                self.registry.remove(name);
                session.stop().await;
                tracing::info!(session = %session.key(), "session gone");
            }
        }
        for (name, config) in &wanted {
            if config.suspended {
                continue;
            }
            let result = match self.registry.get(name) {
                Some(session) => session.reconfigure(config.clone()).await,
                None => Session::start(config.clone(), &self.data_dir, self.shared.clone())
                    .await
                    .map(|session| self.registry.insert(session)),
            };
            if let Err(error) = result {
                tracing::error!(session = %config.key, %error, "can't run the session");
            }
        }
    }

    /// Follows edits until `shutdown`; a broken one keeps the last good configuration.
    async fn follow(&self, mut watch: watch::Watch, shutdown: &CancellationToken) {
        let mut tick = tokio::time::interval(watch::EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            match watch.changed() {
                None => {}
                Some(Ok(sessions)) => {
                    tracing::info!(sessions = sessions.len(), "configuration changed");
                    self.apply(sessions).await;
                }
                Some(Err(error)) => {
                    self.shared.metrics.config_errors.inc();
                    tracing::error!(%error, "configuration refused; the last good one goes on");
                }
            }
        }
    }

    async fn stop(&self) {
        for session in self.registry.all() {
            session.stop().await;
        }
    }
}
