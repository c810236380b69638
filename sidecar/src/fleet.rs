//! The running sessions of a process, kept equal to its configuration.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{Failed, Readiness},
    api::{Registry, listener::Door},
    config::{self, ConfigError, SessionConfig, Sessions, Transport},
    session::{Session, Shared},
    store::StoreError,
};

/// How long a session that leaves the configuration may finish what runs. Meanwhile no edit is
/// taken up, so it is short: what is given up is taken up when the session comes back.
const LEAVE: Duration = Duration::from_secs(10);

/// Between two tries to start a session.
const RETRY: Duration = Duration::from_secs(5);

/// Starts, changes and stops sessions.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) registry: Arc<Registry>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) shared: Shared,
    pub(crate) data_dir: PathBuf,
    /// How the API port takes connections.
    pub(crate) door: watch::Sender<Door>,
}

impl Fleet {
    /// Starts, changes and stops sessions until they are what `wanted` says. One that can't start
    /// is told to readiness and tried again by [`Fleet::follow`]; the others run.
    pub(crate) async fn apply(&self, wanted: &Sessions) {
        self.open_services(wanted);
        self.open_door(wanted);
        self.stop_others(wanted).await;
        for (name, config) in running(wanted) {
            let Some(session) = self.registry.get(name) else {
                continue;
            };
            if session.must_reopen(config) {
                tracing::info!(session = %config.key, "records are elsewhere now, or the device is another one; session starts anew");
                self.registry.remove(name);
                session.stop(LEAVE).await;
                continue;
            }
            if let Err(error) = session.reconfigure(config.clone()).await {
                tracing::error!(session = %config.key, %error, "can't act on the new configuration");
            }
        }
        self.start_missing(wanted).await;
        let suspended = wanted.values().filter(|config| config.suspended);
        self.readiness.set_suspended(suspended.cloned().collect());
        self.readiness.accept_config();
        self.readiness.set(true);
    }

    /// In a pod, which serves one namespace, its Services are open to webhooks.
    fn open_services(&self, wanted: &Sessions) {
        let tenants = wanted.values().map(|config| config.key.tenant.as_str());
        let tenants: BTreeSet<&str> = tenants.collect();
        if let (Some(tenant), 1) = (tenants.first(), tenants.len()) {
            self.shared.policy.open_services_of(tenant);
        }
    }

    /// All sessions of a process speak alike. A certificate that is of no use leaves the one before
    /// it in place, if there is one.
    fn open_door(&self, wanted: &Sessions) {
        let transport = wanted.values().next().map(|config| &config.transport);
        self.door.send_modify(|door| match (transport, &*door) {
            (Some(Transport::Tls(new)), Door::Tls(old)) if new == old => {}
            (Some(Transport::Tls(new)), _) => {
                tracing::info!("certificate loaded");
                *door = Door::Tls(new.clone());
            }
            (Some(Transport::Awaited), Door::Tls(_)) => {}
            (Some(Transport::Awaited), _) => *door = Door::Closed,
            (Some(Transport::Plain) | None, _) => *door = Door::Plain,
        });
    }

    /// A configuration was refused: the last good one goes on, if there is one.
    pub(crate) fn refuse(&self, error: &ConfigError) {
        self.shared.metrics.config_errors.inc();
        self.readiness.refuse_config(error);
        tracing::error!(%error, "configuration refused; the last good one goes on");
    }

    async fn stop_others(&self, wanted: &Sessions) {
        let stay: BTreeSet<_> = running(wanted).map(|(_, config)| &config.key).collect();
        for session in self.registry.all() {
            if !stay.contains(session.key()) {
                self.registry.remove(&session.key().session);
                session.stop(LEAVE).await;
                tracing::info!(session = %session.key(), "session gone");
            }
        }
    }

    async fn start_missing(&self, wanted: &Sessions) {
        let mut failed = Vec::new();
        for (name, config) in running(wanted) {
            if self.registry.get(name).is_some() {
                continue;
            }
            if let Err(error) = self.start(config).await {
                tracing::error!(session = %config.key, %error, "can't start the session, trying again");
                failed.push(Failed {
                    config: config.clone(),
                    error: error.to_string(),
                });
            }
        }
        self.readiness.set_failed(failed);
    }

    async fn start(&self, config: &Arc<SessionConfig>) -> Result<(), StoreError> {
        let session = Session::start(config.clone(), &self.data_dir, self.shared.clone()).await?;
        self.registry.insert(session);
        if let Some(path) = &config.generated_key {
            tracing::info!(session = %config.key, path = %path.display(), "API key of the session");
        }
        Ok(())
    }

    /// Follows edits until `shutdown`; a broken one keeps the last good configuration. `wanted` is
    /// the configuration in force, empty where there is none yet.
    pub(crate) async fn follow(
        &self,
        mut wanted: Sessions,
        mut watch: config::watch::Watch,
        shutdown: &CancellationToken,
    ) {
        let mut tick = tokio::time::interval(config::watch::EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry = Instant::now() + RETRY;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            match watch.changed() {
                Some(Ok(sessions)) => {
                    tracing::info!(sessions = sessions.len(), "configuration changed");
                    wanted = sessions;
                    self.apply(&wanted).await;
                }
                Some(Err(error)) => self.refuse(&error),
                None if self.readiness.has_failed() && retry <= Instant::now() => {
                    self.start_missing(&wanted).await;
                    retry = Instant::now() + RETRY;
                }
                None => {}
            }
        }
    }

    /// Stops every session; what still runs at `deadline` is given up.
    pub(crate) async fn stop(&self, deadline: Instant) {
        for session in self.registry.all() {
            let grace = deadline.saturating_duration_since(Instant::now());
            session.stop(grace).await;
        }
    }
}

/// Those of `wanted` that are not suspended.
fn running(wanted: &Sessions) -> impl Iterator<Item = (&String, &Arc<SessionConfig>)> {
    wanted.iter().filter(|(_, config)| !config.suspended)
}
