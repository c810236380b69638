//! What is counted. Names and labels are an interface: changing one is a changelog entry.
//! Labels are fixed words; no session, tenant or chat is one.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::webhook::Tally;

/// The metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Messages of inbound requests by outcome: `accepted`, `duplicate`, `ignored`.
    pub inbound_messages: Family<Outcome, Counter>,
    /// Finished tries to save a file by outcome: `stored`, `waiting`, `failed`.
    pub transfers: Family<Outcome, Counter>,
    /// Plaintext bytes saved.
    pub transferred_bytes: Counter,
    /// Seconds from the start of a try to the object.
    pub transfer_seconds: Histogram,
    /// Attempts to deliver a webhook by outcome: `delivered`, `failed`, `dead`; set at each scrape.
    pub deliveries: Family<Outcome, Counter>,
    /// Tries to send a message by outcome: `sent`, `waiting`, `failed`.
    pub sends: Family<Outcome, Counter>,
    /// Questions to phones for files that left the CDN, and what came of them: `asked`, `found`,
    /// `not_found`, `unclear`.
    pub media_retries: Family<Outcome, Counter>,
    /// Records and events by state, over all sessions; set at each scrape.
    pub depth: Family<State, Gauge>,
    /// Sessions that run.
    pub sessions: Gauge,
    /// Sessions whose bucket is known to be down or unusable; set at each scrape.
    pub buckets_down: Gauge,
    /// Configurations that were refused; the last good one went on.
    pub config_errors: Counter<u64, AtomicU64>,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// A fixed word.
    pub outcome: &'static str,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct State {
    /// A fixed word.
    pub state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        // 10 ms to about 10 min, doubling.
        let buckets = prometheus_client::metrics::histogram::exponential_buckets(0.01, 2.0, 17);
        let mut metrics = Self {
            registry: Registry::with_prefix("titan_sidecar"),
            inbound_messages: Family::default(),
            transfers: Family::default(),
            transferred_bytes: Counter::default(),
            transfer_seconds: Histogram::new(buckets),
            deliveries: Family::default(),
            sends: Family::default(),
            media_retries: Family::default(),
            depth: Family::default(),
            sessions: Gauge::default(),
            buckets_down: Gauge::default(),
            config_errors: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// Counts messages that came in.
    pub fn count_inbound(&self, accepted: u64, duplicates: u64, ignored: u64) {
        for (outcome, count) in [
            ("accepted", accepted),
            ("duplicate", duplicates),
            ("ignored", ignored),
        ] {
            let counter = self.inbound_messages.get_or_create(&Outcome { outcome });
            counter.inc_by(count);
        }
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "inbound_messages",
            "Messages of inbound requests by outcome",
            self.inbound_messages.clone(),
        );
        registry.register(
            "transfers",
            "Finished tries to save a file by outcome",
            self.transfers.clone(),
        );
        registry.register_with_unit(
            "transferred",
            "Plaintext saved",
            Unit::Bytes,
            self.transferred_bytes.clone(),
        );
        registry.register_with_unit(
            "transfer_duration",
            "From the start of a try to the object",
            Unit::Seconds,
            self.transfer_seconds.clone(),
        );
        registry.register(
            "deliveries",
            "Attempts to deliver a webhook by outcome",
            self.deliveries.clone(),
        );
        registry.register(
            "sends",
            "Tries to send a message by outcome",
            self.sends.clone(),
        );
        registry.register(
            "media_retries",
            "Questions to phones for files that left the CDN, and their answers",
            self.media_retries.clone(),
        );
        registry.register("records", "Records and events by state", self.depth.clone());
        registry.register("sessions", "Sessions that run", self.sessions.clone());
        registry.register(
            "buckets_down",
            "Sessions whose bucket is known to be down",
            self.buckets_down.clone(),
        );
        registry.register(
            "config_errors",
            "Configurations that were refused",
            self.config_errors.clone(),
        );
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// Takes over what the deliverers counted.
    pub fn set_deliveries(&self, tally: &Tally) {
        for (outcome, count) in [
            ("delivered", tally.delivered()),
            ("failed", tally.failed()),
            ("dead", tally.dead()),
        ] {
            self.deliveries
                .get_or_create(&Outcome { outcome })
                .inner()
                .store(count, Ordering::Relaxed);
        }
    }

    /// The `OpenMetrics` text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String can't fail; the result only carries fmt's signature.
        let _infallible = encode(&mut text, &self.registry);
        text
    }
}
