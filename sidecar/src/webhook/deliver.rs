//! Empties a session's outbox: claims what is due, keeps attempts in flight, waits for more.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::attempt::Attempts;
use super::endpoint::{Endpoint, HasEndpoints};
use super::health::Health;
use super::request::Client;
use super::tally::Tally;
use crate::api::media_info::MediaInfos;
use crate::clock;
use crate::store::{Delivery, Store, StoreError};

/// Chats in flight for one endpoint: a slow one has no claim on the slots of another.
const IN_FLIGHT: usize = 32;
/// When to look again while something due can't be claimed or the store can't be read.
const RECHECK: Duration = Duration::from_secs(1);
/// So long may attempts go on after the shutdown began.
const DRAIN: Duration = Duration::from_secs(25);

/// Delivers one session's events to its endpoints.
///
/// Per endpoint and chat one delivery is in flight at a time, in order; up to 32 chats per
/// endpoint at once. An endpoint that answers 410 is disabled until the configuration changes:
/// what is due to it becomes dead letters, to be replayed by hand.
pub struct Deliverer<C> {
    attempts: Arc<Attempts>,
    endpoints: watch::Receiver<Arc<C>>,
    /// Deliveries to endpoints that left the configuration are given up.
    trimmed: bool,
    running: JoinSet<String>,
    in_flight: BTreeMap<String, usize>,
}

// === impl Deliverer ===

impl<C: HasEndpoints + Send + Sync + 'static> Deliverer<C> {
    /// A deliverer for the outbox of `store`. `media` says what files look like at each attempt;
    /// `tally` counts what came of them, and `health` keeps which endpoints fail.
    #[must_use]
    pub fn new(
        store: Store,
        endpoints: watch::Receiver<Arc<C>>,
        client: Client,
        media: Arc<dyn MediaInfos>,
        tally: Arc<Tally>,
        health: Arc<Health>,
    ) -> Self {
        Self {
            attempts: Arc::new(Attempts {
                store,
                client,
                media,
                tally,
                health,
            }),
            endpoints,
            trimmed: false,
            running: JoinSet::new(),
            in_flight: BTreeMap::new(),
        }
    }

    /// Runs until `shutdown`, then lets what is in flight end for at most 25 s and returns.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let store = self.attempts.store.clone();
        let mut watched = true;
        while !shutdown.is_cancelled() {
            let mut changed = pin!(store.outbox_changed().notified());
            changed.as_mut().enable();
            self.finish_all();
            let pause = self.claim().await.unwrap_or_else(|error| {
                warn!(%error, "outbox not readable, trying again");
                Some(RECHECK)
            });
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = &mut changed => {}
                () = sleep(pause) => {}
                Some(ended) = self.running.join_next() => self.finish(ended),
                news = self.endpoints.changed(), if watched => match news {
                    Ok(()) => self.reconfigure(),
                    // The configuration is fixed from now on.
                    Err(_) => watched = false,
                }
            }
        }
        self.drain().await;
    }

    /// Lets what is in flight end, for a while; what is broken off is repeated after the next start.
    async fn drain(&mut self) {
        let ended = async { while self.running.join_next().await.is_some() {} };
        if timeout(DRAIN, ended).await.is_err() {
            warn!(
                deliveries = self.running.len(),
                "deliveries broken off, to be repeated"
            );
            self.running.shutdown().await;
        }
    }

    /// Starts what is due and has a free slot; tells how long nothing else will be due, `None`
    /// for ever.
    async fn claim(&mut self) -> Result<Option<Duration>, StoreError> {
        let now = clock::now();
        let config = self.config();
        self.trim(config.endpoints()).await?;
        for endpoint in config.endpoints() {
            if endpoint.withheld.is_some() {
                continue;
            }
            let in_flight = self.in_flight.get(&endpoint.id).copied().unwrap_or(0);
            let free = IN_FLIGHT.saturating_sub(in_flight);
            if free == 0 {
                continue;
            }
            let store = &self.attempts.store;
            for delivery in store.claim_deliveries_of(&endpoint.id, now, free).await? {
                self.start(endpoint, delivery);
            }
        }
        let due = self.attempts.store.next_delivery_due().await?;
        Ok(due.map(|due| until(due, now)))
    }

    fn start(&mut self, endpoint: &Endpoint, delivery: Delivery) {
        *self.in_flight.entry(endpoint.id.clone()).or_default() += 1;
        let (attempts, endpoint) = (Arc::clone(&self.attempts), endpoint.clone());
        self.running.spawn(async move {
            attempts.make(&endpoint, &delivery).await;
            endpoint.id
        });
    }

    /// Frees the slots of all that ended meanwhile: each claim costs a commit, so it should be for
    /// as many as possible.
    fn finish_all(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            self.finish(ended);
        }
    }

    /// Frees the slot of an attempt that ended.
    fn finish(&mut self, ended: Result<String, JoinError>) {
        match ended {
            Ok(endpoint) => {
                if let Some(count) = self.in_flight.get_mut(&endpoint) {
                    *count = count.saturating_sub(1);
                }
            }
            Err(error) => warn!(%error, "a delivery ended without a record"),
        }
    }

    /// The configuration in force. What was accepted after a change is never judged by the state
    /// before it, so a change is taken up here too.
    fn config(&mut self) -> Arc<C> {
        let seen = self.endpoints.borrow_and_update();
        let (config, changed) = (Arc::clone(&seen), seen.has_changed());
        drop(seen);
        if changed {
            self.reconfigure();
        }
        config
    }

    /// Takes up a new configuration: every endpoint in it gets another chance.
    fn reconfigure(&mut self) {
        self.attempts.health.give_another_chance();
        self.trimmed = false;
    }

    /// Gives up, once per configuration, what is due to endpoints that are no longer in it.
    async fn trim(&mut self, endpoints: &[Endpoint]) -> Result<(), StoreError> {
        if !self.trimmed {
            let ids = endpoints.iter().map(|endpoint| endpoint.id.clone());
            let ids = ids.collect::<Vec<_>>();
            self.attempts
                .store
                .drop_endpoints_except(&ids, clock::now())
                .await?;
            self.trimmed = true;
        }
        Ok(())
    }
}

/// What is already due could not be claimed, for want of a slot or because its chat is busy: the
/// end of an attempt wakes us, and to be safe we look again.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    match Duration::try_from(due.duration_since(now)) {
        Ok(pause) if !pause.is_zero() => pause,
        _ => RECHECK,
    }
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => pending().await,
    }
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "deliver_media_tests.rs"]
mod media_tests;
