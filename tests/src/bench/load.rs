//! Many gateways at once: as fast as they are answered, or at a fixed rate.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::messages::Messages;

/// What a load came to.
#[derive(Debug)]
pub struct Outcome {
    /// Messages answered with 202.
    pub taken: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Time to the answer of each message, ascending.
    latencies: Vec<Duration>,
}

// === impl Outcome ===

impl Outcome {
    /// Messages a second.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.taken as f64 / self.took.as_secs_f64()
    }

    /// The share of one message in `spent`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn each(&self, spent: Duration) -> Duration {
        spent.div_f64(self.taken as f64)
    }

    /// The latency that `percent` of the messages did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1) - 1;
        self.latencies[rank]
    }
}

/// Who sends, and numbers that never repeat.
#[derive(Debug, Clone)]
pub struct Load {
    address: String,
    messages: Arc<Messages>,
    next: Arc<AtomicU64>,
}

// === impl Load ===

impl Load {
    /// Gateways that post to `address` (`host:port`).
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            messages: Arc::default(),
            next: Arc::default(),
        }
    }

    /// Closed loop: each of `callers` posts its next message when the last one is answered.
    pub async fn closed(&self, callers: u32, time: Duration) -> io::Result<Outcome> {
        let end = Instant::now() + time;
        self.run(callers, move |_, _| {
            let now = Instant::now();
            (now < end).then_some(now)
        })
        .await
    }

    /// Open loop: message after message at a fixed `rate` a second, in turn over `callers`. One
    /// that is late because the one before it was counts from when it was due.
    pub async fn open(&self, callers: u32, rate: u32, time: Duration) -> io::Result<Outcome> {
        let step = Duration::from_secs(1) / rate;
        let start = Instant::now() + Duration::from_millis(50);
        let end = start + time;
        self.run(callers, move |caller, turn| {
            let due = start + step * (turn * callers + caller);
            (due < end).then_some(due)
        })
        .await
    }

    /// Runs `callers` side by side; `due` says when a caller's next message goes.
    async fn run<D>(&self, callers: u32, due: D) -> io::Result<Outcome>
    where
        D: Fn(u32, u32) -> Option<Instant> + Copy + Send + 'static,
    {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for caller in 0..callers {
            running.spawn(self.clone().call(caller, due));
        }
        let mut latencies = Vec::new();
        while let Some(ended) = running.join_next().await {
            latencies.append(&mut ended.map_err(io::Error::other)??);
        }
        let took = start.elapsed();
        latencies.sort_unstable();
        Ok(Outcome {
            taken: latencies.len() as u64,
            took,
            latencies,
        })
    }

    async fn call<D>(self, caller: u32, due: D) -> io::Result<Vec<Duration>>
    where
        D: Fn(u32, u32) -> Option<Instant>,
    {
        let mut connection = Caller::connect(&self.address).await?;
        let mut latencies = Vec::new();
        for turn in 0.. {
            let Some(due) = due(caller, turn) else { break };
            sleep_until(due).await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let status = connection
                .inbound(self.messages.body(number).as_bytes())
                .await?;
            if status != 202 {
                return Err(io::Error::other(format!("answered with {status}")));
            }
            latencies.push(due.elapsed());
        }
        Ok(latencies)
    }
}
