//! One attempt: the event rendered as of now, signed, posted, judged, and the verdict recorded.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{debug, info, warn};

use super::answer::{GONE, Verdict};
use super::endpoint::Endpoint;
use super::health::Health;
use super::post::post;
use super::render::render;
use super::request::Client;
use super::tally::Tally;
use crate::api::media_info::{MediaInfo, MediaInfos};
use crate::clock;
use crate::store::{Delivery, EventRow, Store, StoreError};

/// A verdict that the store can't take now is offered again after this long.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What every attempt of a session needs.
pub(super) struct Attempts {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) media: Arc<dyn MediaInfos>,
    pub(super) tally: Arc<Tally>,
    pub(super) health: Arc<Health>,
}

/// What to write down about a delivery.
enum Record {
    Delivered,
    /// Nothing was posted: see [`is_follow_up`].
    Unwanted,
    Retry {
        due: Timestamp,
        error: String,
    },
    Dead {
        error: String,
    },
}

// === impl Attempts ===

impl Attempts {
    /// Makes one attempt and records what came of it; with an endpoint that is gone, gives the
    /// delivery up without one.
    pub(super) async fn make(&self, endpoint: &Endpoint, delivery: &Delivery) {
        if self.health.is_gone(&endpoint.id) {
            let error = "EndpointGone: disabled since the endpoint answered 410".to_owned();
            return self.record(delivery, Record::Dead { error }).await;
        }
        if !endpoint.wants(&delivery.event.event) && is_follow_up(&delivery.event) {
            return self.record(delivery, Record::Unwanted).await;
        }
        let verdict = self.attempt(endpoint, &delivery.event).await;
        self.note(&endpoint.id, &verdict);
        self.record(delivery, decide(endpoint, delivery.attempts, verdict))
            .await;
    }

    fn note(&self, endpoint: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Delivered => self.health.delivered(endpoint),
            Verdict::Gone => {
                if self.health.gone(endpoint) {
                    warn!(
                        endpoint,
                        "endpoint answered 410: disabled until a test, a replay or a new configuration"
                    );
                }
            }
            Verdict::Failed { error, .. } => self.health.failed(endpoint, error, clock::now()),
        }
    }

    async fn attempt(&self, endpoint: &Endpoint, event: &EventRow) -> Verdict {
        let now = clock::now();
        let body = match self.media_of(event, now).await {
            Ok(media) => render(event, &media),
            Err(error) => return Verdict::failed("StoreFailed", &error.to_string()),
        };
        post(&self.client, endpoint, &event.id, body).await
    }

    async fn media_of(
        &self,
        event: &EventRow,
        now: Timestamp,
    ) -> Result<Vec<MediaInfo>, StoreError> {
        let mut media = Vec::with_capacity(event.media.len());
        for id in &event.media {
            match self.store.media(id).await {
                Ok(Some(record)) => media.push(self.media.info(&record, now)),
                Ok(None) => {}
                // No message is withheld because of its media.
                Err(error @ (StoreError::Seal(_) | StoreError::Unreadable { .. })) => {
                    warn!(event = event.id, media = %id, %error, "announced without its media");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(media)
    }

    /// Writes `record` down, however long the store takes: a delivery that nobody settles would
    /// block its chat. A process that ends here repeats the attempt after its next start.
    async fn record(&self, delivery: &Delivery, record: Record) {
        self.tell(delivery, &record);
        loop {
            match self.write(delivery.id, &record).await {
                Ok(()) | Err(StoreError::Closed) => return,
                Err(error) => {
                    warn!(event = delivery.event.id, %error, "delivery not recorded, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn write(&self, id: i64, record: &Record) -> Result<(), StoreError> {
        let now = clock::now();
        match record {
            Record::Delivered | Record::Unwanted => self.store.delivered(id, now).await,
            Record::Retry { due, error } => self.store.retry_delivery(id, *due, error, now).await,
            Record::Dead { error } => self.store.dead_letter(id, error, now).await,
        }
    }

    fn tell(&self, delivery: &Delivery, record: &Record) {
        let (event, endpoint) = (&delivery.event.id, &delivery.endpoint);
        let trace = &delivery.trace;
        let attempt = delivery.attempts + 1;
        match record {
            Record::Delivered => {
                self.tally.count_delivered();
                info!(trace, event, endpoint, attempt, "webhook delivered");
            }
            Record::Unwanted => debug!(trace, event, endpoint, "event not wanted"),
            Record::Retry { due, error } => {
                self.tally.count_failed();
                info!(trace, event, endpoint, attempt, %due, error, "webhook failed, will be repeated");
            }
            Record::Dead { error } => {
                self.tally.count_dead();
                warn!(trace, event, endpoint, attempt, error, "webhook given up");
            }
        }
    }
}

/// Whether the event tells what became of a file. The store keeps one list of endpoints for both
/// ends that a file may come to, so it may queue the one that an endpoint did not ask for.
fn is_follow_up(event: &EventRow) -> bool {
    event.event.starts_with("media.")
}

/// What a verdict means after `before` earlier attempts.
fn decide(endpoint: &Endpoint, before: u32, verdict: Verdict) -> Record {
    let failures = before.saturating_add(1);
    match verdict {
        Verdict::Delivered => Record::Delivered,
        Verdict::Gone => Record::Dead {
            error: GONE.to_owned(),
        },
        Verdict::Failed { error, .. } if failures >= endpoint.retries.attempts => {
            Record::Dead { error }
        }
        Verdict::Failed { error, retry_after } => {
            let wait = endpoint.retries.wait(failures, rand::random(), retry_after);
            let due = clock::now().checked_add(wait).unwrap_or(Timestamp::MAX);
            Record::Retry { due, error }
        }
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
