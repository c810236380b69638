//! Leader election by Lease, with the timings of client-go: 15 s, 10 s, 2 s.
//!
//! Whether a holder is gone is judged by watching its lease stay unchanged, not by comparing clocks.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::{clock::Clock, context::random, error::chain};

/// A lease that stays unchanged for so long is taken over.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long stops.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the lease.
const RETRY_PERIOD: Duration = Duration::from_secs(2);
/// The same, as it stands in the lease.
const LEASE_DURATION_SECONDS: i32 = 15;

/// Closed once the lease was not renewed in time: then no request starts, whatever was about to send one. Open without
/// an election.
#[derive(Debug, Default)]
pub struct Fence {
    open_until: Mutex<Option<Instant>>,
}

impl Fence {
    /// May a request start?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.lock().is_none_or(|until| Instant::now() < until)
    }

    /// The lease was renewed by a request that began then.
    fn renewed(&self, began: Instant) {
        *self.lock() = Some(began + RENEW_DEADLINE);
    }

    /// The lease is no longer ours.
    pub fn close(&self) {
        *self.lock() = Some(Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.open_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why this instance no longer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The lease names somebody else, or is gone.
    #[error("the lease was taken by another instance")]
    Taken,
    /// It could not be renewed in time.
    #[error("the lease could not be renewed within {} s", RENEW_DEADLINE.as_secs())]
    Expired,
}

/// Takes part in an election.
pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    clock: Clock,
}

impl fmt::Debug for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// A lease as it was seen, and when.
type Observed = Option<(LeaseSpec, Instant)>;

impl Election {
    /// An election over the lease of that name. `identity` must be unlike that of any other instance.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: String,
        clock: Clock,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity,
            clock,
        }
    }

    /// Waits until this instance leads; opens the fence. Returns when the request began that made it the leader.
    pub async fn acquire(&self, fence: &Fence) -> Instant {
        let mut observed = None;
        loop {
            let began = Instant::now();
            match self.try_acquire(&mut observed).await {
                Ok(true) => {
                    fence.renewed(began);
                    tracing::info!(identity = self.identity, "leading");
                    return began;
                }
                Ok(false) => tracing::debug!("another instance leads"),
                Err(error) => tracing::warn!(error = %chain(&error), "can't take the lease"),
            }
            sleep(RETRY_PERIOD.mul_f64(0.9 + random() / 5.0)).await;
        }
    }

    /// Renews until the lease is lost. Deadlines count from the start of the request that renewed last: others may
    /// have seen what it wrote long before its answer came.
    pub async fn hold(&self, fence: &Fence, mut renewed: Instant) -> Lost {
        let mut ticks = interval(RETRY_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            let deadline = renewed + RENEW_DEADLINE;
            tokio::select! {
                _ = ticks.tick() => {}
                () = tokio::time::sleep_until(deadline) => return Lost::Expired,
            }
            let began = Instant::now();
            let left = deadline.saturating_duration_since(began);
            if left.is_zero() {
                return Lost::Expired;
            }
            match timeout(left, self.renew()).await {
                Ok(Ok(true)) => {
                    renewed = began;
                    fence.renewed(began);
                }
                Ok(Ok(false)) => return Lost::Taken,
                Ok(Err(error)) => tracing::warn!(error = %chain(&error), "can't renew the lease"),
                Err(_) => return Lost::Expired,
            }
        }
    }

    /// Gives the lease up, so that another instance takes it at once. Call it when nothing of ours runs any more.
    pub async fn release(&self) {
        match timeout(RETRY_PERIOD, self.try_release()).await {
            Ok(Ok(())) => tracing::info!("lease released"),
            Ok(Err(error)) => tracing::warn!(error = %chain(&error), "can't release the lease"),
            Err(_) => tracing::warn!("can't release the lease in time"),
        }
    }

    async fn try_acquire(&self, observed: &mut Observed) -> kube::Result<bool> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(held(&self.identity, None, self.clock.now())),
            };
            return written(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.take().unwrap_or_default();
        if !is_free(&spec, &self.identity, observed, Instant::now()) {
            return Ok(false);
        }
        lease.spec = Some(held(&self.identity, Some(&spec), self.clock.now()));
        // With the resource version that was read: whoever was faster makes this a conflict.
        written(
            self.api
                .replace(&self.name, &PostParams::default(), &lease)
                .await,
        )
    }

    async fn renew(&self) -> kube::Result<bool> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            return Ok(false);
        };
        let spec = lease.spec.take().unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(self.identity.as_str()) {
            return Ok(false);
        }
        lease.spec = Some(held(&self.identity, Some(&spec), self.clock.now()));
        self.api
            .replace(&self.name, &PostParams::default(), &lease)
            .await
            .map(|_| true)
    }

    async fn try_release(&self) -> kube::Result<()> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            return Ok(());
        };
        let spec = lease.spec.take().unwrap_or_default();
        if spec.holder_identity.as_deref() == Some(self.identity.as_str()) {
            lease.spec = Some(LeaseSpec {
                lease_transitions: spec.lease_transitions,
                ..LeaseSpec::default()
            });
            self.api
                .replace(&self.name, &PostParams::default(), &lease)
                .await?;
        }
        Ok(())
    }
}

/// May the lease be taken? It is ours, or released, or has not changed for its duration as we saw it.
fn is_free(spec: &LeaseSpec, identity: &str, observed: &mut Observed, now: Instant) -> bool {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder.is_empty() || holder == identity {
        return true;
    }
    match observed {
        Some((seen, at)) if seen == spec => now.duration_since(*at) >= LEASE_DURATION,
        _ => {
            *observed = Some((spec.clone(), now));
            false
        }
    }
}

/// The lease as its holder writes it.
fn held(identity: &str, before: Option<&LeaseSpec>, now: Timestamp) -> LeaseSpec {
    let ours = before.filter(|spec| spec.holder_identity.as_deref() == Some(identity));
    let transitions = before.and_then(|spec| spec.lease_transitions);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(LEASE_DURATION_SECONDS),
        acquire_time: ours
            .and_then(|spec| spec.acquire_time.clone())
            .or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: match (before, ours) {
            (None, _) => Some(0),
            (_, Some(_)) => transitions,
            (Some(_), None) => Some(transitions.unwrap_or_default().saturating_add(1)),
        },
        ..LeaseSpec::default()
    }
}

/// Losing a race is no error.
fn written(answer: kube::Result<Lease>) -> kube::Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
