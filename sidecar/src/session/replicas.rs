//! What a session does because other replicas work on the same records: it keeps its leases, takes
//! over theirs when they lapse, and looks for what they left.

use std::{sync::Weak, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::Session;
use crate::{
    clock,
    store::{RENEW_EVERY, StoreError},
};

/// Between two looks: so long, at most, does a replica not know what another one did.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The same while the database can't be reached.
const RECHECK: Duration = Duration::from_secs(5);

/// Runs until the store is closed or the session is gone.
pub(super) async fn run(session: Weak<Session>) {
    // The session has just recovered: that took over what had lapsed, and nothing is held yet.
    let mut renew = Instant::now() + RENEW_EVERY;
    let mut pause = Duration::ZERO;
    loop {
        tokio::time::sleep(pause).await;
        let Some(session) = session.upgrade() else {
            return;
        };
        pause = match look(&session, &mut renew).await {
            Ok(()) => LOOK_EVERY,
            Err(StoreError::Closed) => return,
            Err(error) => {
                warn!(session = %session.key(), %error, "can't look after what replicas share");
                RECHECK
            }
        };
        // Whoever waits for a file or an answer here may wait for work that is done there.
        session.media_changed();
        session.outgoings().changed();
    }
}

async fn look(session: &Session, renew: &mut Instant) -> Result<(), StoreError> {
    let now = clock::now();
    if *renew <= Instant::now() {
        session.store().keep_leases(now).await?;
        *renew = Instant::now() + RENEW_EVERY;
    }
    session.store().look_again(now).await
}
