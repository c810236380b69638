//! What a session has for sending: the files that wait, and who waits for an answer.

use std::{io, path::Path, sync::Arc};

use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
};

use super::Session;
use crate::{
    config::SessionConfig,
    send::spool::{Spool, SpoolError, quarter_of_volume},
    store::{Store, StoreError},
};

/// Requests to send that are read at once: each holds a thread, and the file grows on the volume.
const READINGS: usize = 8;

/// What a session has for sending.
#[derive(Debug)]
pub struct Outgoings {
    /// Files that wait, as ciphertext.
    pub spool: Spool,
    /// Requests that are read at once.
    pub readings: Arc<Semaphore>,
    changes: watch::Sender<()>,
}

// === impl Outgoings ===

impl Outgoings {
    /// Opens the folder of files that wait, below `data_dir`, and removes those that a crash left.
    pub(super) async fn open(
        data_dir: &Path,
        config: &SessionConfig,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let (keep, volume) = (store.files_to_send().await?, config.volume_bytes);
        let folder = super::folder(data_dir, &config.key).join("spool");
        let data_dir = data_dir.to_owned();
        let opened = spawn_blocking(move || {
            let limit = quarter_of_volume(&data_dir, volume)?;
            Spool::open(&folder, limit, &keep)
        });
        let opened = opened
            .await
            .unwrap_or_else(|error| Err(SpoolError::from(io::Error::other(error))));
        Ok(Self {
            spool: opened.map_err(|error| StoreError::Io {
                act: "open the folder of files to send",
                source: Arc::new(error.into()),
            })?,
            readings: Arc::new(Semaphore::new(READINGS)),
            changes: watch::Sender::default(),
        })
    }

    /// Changes whenever a message was sent, or was not.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }
}

impl Session {
    /// What the session has for sending.
    #[must_use]
    pub fn outgoings(&self) -> &Outgoings {
        &self.outgoings
    }

    /// Removes the file of a message that has ended. One that can't be removed now goes at the next
    /// start.
    pub(crate) async fn drop_spooled(&self, command: &str) {
        let (spool, id) = (self.outgoings.spool.clone(), command.to_owned());
        let removed = spawn_blocking(move || spool.remove(&id)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(session = %self.key, command, %error, "a file that was sent stays for now");
        }
    }
}
