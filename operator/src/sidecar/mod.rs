//! What the sidecars say of themselves: asked at `http://<pod ip>:9090/status`, and kept.

mod fetch;
mod poll;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use titan_crds::report::{SessionReport, SidecarStatus};
use tokio::sync::Notify;

pub use fetch::{ADMIN_PORT, FetchError, fetch};

/// What the sidecars said last. Asking is the poller's work: controllers read.
#[derive(Clone, Debug, Default)]
pub struct Client(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    reports: Mutex<HashMap<String, Arc<Report>>>,
    /// Sessions whose sidecar is to be asked at once: namespace and name.
    hastened: Mutex<HashSet<(String, String)>>,
    wake: Notify,
}

/// What one pod said.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it was asked.
    pub at: Timestamp,
    /// What it said, or why it did not.
    pub status: Result<SidecarStatus, String>,
}

impl Report {
    /// What it said of a session.
    #[must_use]
    pub fn session(&self, namespace: &str, object: &str) -> Option<&SessionReport> {
        self.status
            .as_ref()
            .ok()?
            .sessions
            .iter()
            .find(|session| session.object == object && session.namespace == namespace)
    }
}

impl Client {
    /// What the pod of that uid said last; `None`: it was not asked yet.
    #[must_use]
    pub fn report(&self, pod_uid: &str) -> Option<Arc<Report>> {
        self.reports().get(pod_uid).cloned()
    }

    /// The sidecars of a session are asked at once, not when their time comes: something changed.
    pub fn hasten(&self, namespace: &str, session: &str) {
        self.hastened()
            .insert((namespace.to_owned(), session.to_owned()));
        self.0.wake.notify_one();
    }

    /// Keeps what a pod said.
    pub fn keep(&self, pod_uid: &str, report: Report) {
        self.reports().insert(pod_uid.to_owned(), Arc::new(report));
    }

    fn retain(&self, alive: &HashSet<String>) {
        self.reports().retain(|uid, _| alive.contains(uid));
    }

    fn reports(&self) -> MutexGuard<'_, HashMap<String, Arc<Report>>> {
        self.0
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn hastened(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.0
            .hastened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Do two reports tell the same? How many records there are and how long a request took is no news.
#[must_use]
pub fn tells_the_same(before: &SidecarStatus, after: &SidecarStatus) -> bool {
    let news = |status: &SidecarStatus| {
        let mut status = status.clone();
        status.config_errors = 0;
        for session in &mut status.sessions {
            session.queue.clear();
            session.bucket.latency_ms = None;
            session.bucket.checked_at = None;
        }
        status
    };
    news(before) == news(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_depths_and_latencies_are_no_news() {
        let mut before = SidecarStatus::default();
        before.sessions.push(SessionReport::default());
        let mut after = before.clone();
        after.sessions[0].queue.insert("queued".to_owned(), 7);
        after.sessions[0].bucket.latency_ms = Some(3);
        assert!(tells_the_same(&before, &after));
        after.sessions[0].generation = 2;
        assert!(!tells_the_same(&before, &after));
    }
}
