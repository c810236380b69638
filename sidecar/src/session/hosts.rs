//! The CDN as a session reaches it: over the hosts that WhatsApp names to its device, else over the usual
//! ones. Of the answer the names alone are kept: what opens uploads has no place in a download.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Linked, Session};
use crate::{cdn::Cdn, transfer::TransferError};

/// How long the program may take to name hosts; files do not wait longer for better ones.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shortest time that an answer, or none, holds: files come by the thousand.
const SHORTEST: Duration = Duration::from_mins(1);

/// Longest time that an answer holds.
const LONGEST: Duration = Duration::from_hours(24);

/// What is known of the hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// `None`: the usual ones.
    cdn: Option<Arc<Cdn>>,
    /// Until when that holds; `None`: nobody was asked.
    until: Option<Instant>,
    /// When fresh ones were asked for.
    refreshed: Option<Instant>,
}

impl Session {
    /// Does `work` over the CDN, and once more over hosts that are named anew where the first answer 401.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub(crate) async fn over_cdn<T, F>(
        &self,
        work: impl Fn(Arc<Cdn>) -> F,
    ) -> Result<T, TransferError>
    where
        F: Future<Output = Result<T, TransferError>>,
    {
        let cdn = self.cdn().await;
        match work(cdn.clone()).await {
            Err(error) if error.is_unauthorised() => match self.cdn_anew(&cdn).await {
                Some(cdn) => work(cdn).await,
                None => Err(error),
            },
            done => done,
        }
    }

    async fn cdn(&self) -> Arc<Cdn> {
        let usual = &self.shared.cdn;
        match self.device() {
            Some(device) if usual.takes_hosts() => device.hosts.known(device, usual).await,
            _ => usual.clone(),
        }
    }

    /// The CDN after it answered `used` with 401: over hosts that were named anew. `None`: there are no
    /// others.
    async fn cdn_anew(&self, used: &Arc<Cdn>) -> Option<Arc<Cdn>> {
        let device = self.device()?;
        device.hosts.anew(device, used, &self.shared.cdn).await
    }
}

impl Hosts {
    async fn known(&self, device: &Linked, usual: &Arc<Cdn>) -> Arc<Cdn> {
        let mut known = self.0.lock().await;
        if known.until.is_none_or(|until| Instant::now() >= until) {
            known.ask(device, usual, false).await;
        }
        known.cdn.as_ref().unwrap_or(usual).clone()
    }

    async fn anew(&self, device: &Linked, used: &Arc<Cdn>, usual: &Arc<Cdn>) -> Option<Arc<Cdn>> {
        let mut known = self.0.lock().await;
        let current = known.cdn.as_ref().unwrap_or(usual);
        if !Arc::ptr_eq(current, used) {
            return Some(current.clone());
        }
        let recent = |at: Instant| at.elapsed() < SHORTEST;
        if known.refreshed.is_some_and(recent) {
            return None;
        }
        known.refreshed = Some(Instant::now());
        known
            .ask(device, usual, true)
            .await
            .then(|| known.cdn.as_ref().unwrap_or(usual).clone())
    }
}

impl Known {
    /// Answers whether the program named hosts. Where it did not, what was known goes on.
    async fn ask(&mut self, device: &Linked, usual: &Arc<Cdn>, fresh: bool) -> bool {
        let asked = timeout(PATIENCE, device.client().media_conn(fresh)).await;
        let named = asked.ok().and_then(Result::ok);
        let lasts = named.as_ref().map_or(SHORTEST, |named| {
            Duration::from_secs(named.ttl).clamp(SHORTEST, LONGEST)
        });
        self.until = Some(Instant::now() + lasts);
        if let Some(named) = &named {
            self.cdn = Some(Arc::new(usual.over(&named.names())));
        }
        named.is_some()
    }
}
