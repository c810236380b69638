//! The queue's worker: claims files one by one, saves them side by side, settles each outcome.

use std::{
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, futures::Notified, watch},
    task::JoinSet,
    time::Instant,
};

use super::{TransferError, backoff, save::save, verdict::Verdict};
use crate::{
    clock,
    config::SessionConfig,
    session::Session,
    store::{MediaRecord, Stored},
};

/// Between two looks at a queue that can't be read or written.
const RECHECK: Duration = Duration::from_secs(1);

/// Saves what the session's queue holds.
#[derive(Debug)]
pub struct Worker {
    session: Arc<Session>,
    config: watch::Receiver<Arc<SessionConfig>>,
    running: JoinSet<()>,
}

impl Worker {
    /// A worker of one session, which follows its configuration.
    #[must_use]
    pub fn new(session: Arc<Session>, config: watch::Receiver<Arc<SessionConfig>>) -> Self {
        Self {
            session,
            config,
            running: JoinSet::new(),
        }
    }

    /// Runs until the session stops, then lets what runs finish.
    pub async fn run(mut self) {
        let session = self.session.clone();
        while let Some(permit) = self.turn().await {
            // Listens before it looks, so that nothing queued in between is overslept.
            let mut changed = pin!(session.store().transfers_changed().notified());
            changed.as_mut().enable();
            match session.store().claim_transfer(clock::now()).await {
                Ok(Some(record)) => {
                    let session = session.clone();
                    self.running.spawn(async move {
                        settle(&session, record).await;
                        drop(permit);
                    });
                }
                Ok(None) => {
                    drop(permit);
                    let pause = self.until_next_due().await;
                    self.wait_for_work(changed, pause).await;
                }
                Err(error) => {
                    tracing::error!(session = %session.key(), %error, "can't take work from the queue");
                    drop(permit);
                    // What is due stays due: without a pause this would spin.
                    tokio::select! {
                        () = session.stopping().cancelled() => {}
                        () = tokio::time::sleep(RECHECK) => {}
                    }
                }
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    /// Waits for a slot of the session and one of the process; `None` when the session stops.
    async fn turn(&mut self) -> Option<OwnedSemaphorePermit> {
        let session = self.session.clone();
        let stopping = session.stopping();
        while self.running.try_join_next().is_some() {}
        while self.running.len() >= self.limit() {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                _ended = self.running.join_next() => {}
                changed = self.config.changed() => changed.ok()?,
            }
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => None,
            permit = session.shared().slots.clone().acquire_owned() => permit.ok(),
        }
    }

    fn limit(&mut self) -> usize {
        self.config.borrow_and_update().transfers.max_concurrent
    }

    async fn until_next_due(&self) -> Duration {
        match self.session.store().next_transfer_due().await {
            Ok(Some(due)) => Duration::try_from(due.duration_since(clock::now()))
                .unwrap_or_default()
                .min(backoff::MAX),
            Ok(None) => backoff::MAX,
            Err(_) => RECHECK,
        }
    }

    async fn wait_for_work(&mut self, changed: Pin<&mut Notified<'_>>, pause: Duration) {
        tokio::select! {
            () = self.session.stopping().cancelled() => {}
            () = changed => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Runs one transfer and writes its outcome. The store is asked until it answers: an outcome that
/// is known must not be lost to a full disk.
async fn settle(session: &Session, record: MediaRecord) {
    let started = Instant::now();
    let outcome = run(session, &record).await;
    if matches!(outcome, Err(TransferError::Cancelled)) && session.stopping().is_cancelled() {
        // Left running: the next start queues it again.
        return;
    }
    let verdict = Verdict::of(
        &record,
        &outcome,
        session.device().is_some(),
        rand::random(),
        clock::now(),
    );
    let mut pause = RECHECK;
    while let Err(error) = verdict.write(session, &record).await {
        tracing::error!(session = %session.key(), media = %record.id, %error, "can't write a transfer's outcome");
        tokio::select! {
            () = session.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(backoff::MAX),
        }
    }
    verdict.log(session, &record);
    let metrics = &session.shared().metrics;
    verdict.count(metrics);
    if outcome.is_ok() {
        let seconds = started.elapsed().as_secs_f64();
        metrics.transfer_seconds.observe(seconds);
    }
    session.media_changed();
    tell_bucket(session, &outcome).await;
}

/// A record that nobody settles would stay running until the next start, so not even a panic may
/// get past here.
async fn run(session: &Session, record: &MediaRecord) -> Result<Stored, TransferError> {
    AssertUnwindSafe(save(session, record))
        .catch_unwind()
        .await
        .unwrap_or(Err(TransferError::Internal))
}

async fn tell_bucket(session: &Session, outcome: &Result<Stored, TransferError>) {
    let told = match outcome {
        Ok(_) => session.bucket_works().await,
        Err(error) if error.is_about_bucket() => session.bucket_failed(error).await,
        Err(_) => Ok(()),
    };
    if let Err(error) = told {
        tracing::warn!(session = %session.key(), %error, "can't act on the bucket's state");
    }
}
