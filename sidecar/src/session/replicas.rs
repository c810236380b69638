//! What a session does because other replicas work on the same records: it keeps its leases, takes
//! over theirs when they lapse, and looks for what they left.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

use super::Session;
use crate::{
    clock,
    store::{RENEW_EVERY, StoreError},
};

/// Between two looks: so long, at most, does a replica not know what another one did.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until the store is closed or the session is gone.
pub(super) async fn run(session: Weak<Session>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renew = Instant::now();
    loop {
        look.tick().await;
        let Some(session) = session.upgrade() else {
            return;
        };
        let now = clock::now();
        if renew <= Instant::now() {
            match session.store().keep_leases(now).await {
                Ok(()) => renew = Instant::now() + RENEW_EVERY,
                Err(StoreError::Closed) => return,
                // Tried again with the next look: until they lapse there is time.
                Err(error) => warn!(session = %session.key(), %error, "can't renew leases"),
            }
        }
        if let Err(error) = session.store().look_again(now).await {
            warn!(session = %session.key(), %error, "can't look for work that others left");
        }
        // Whoever waits for a file here may wait for a transfer there.
        session.media_changed();
    }
}
