//! What the parts of the device share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use whatsapp_rust::Client;

use super::{
    retries::Retries,
    sending::Acks,
    status::{Code, Identity, Phase, Reason, Status, StatusView},
    supervisor::Command,
};
use crate::{
    clock, mask,
    sidecar::{Event, Events},
    store::{Account, AccountStore},
};

/// There is no connection to do it over.
#[derive(Debug, thiserror::Error)]
#[error("the device is not connected")]
pub(crate) struct NotConnected;

/// The device, as the socket's handlers and the library's callbacks see it.
pub(crate) struct Device {
    pub(crate) events: Events,
    pub(crate) acks: Acks,
    pub(crate) retries: Retries,
    status: watch::Sender<Status>,
    code: Mutex<Option<Code>>,
    client: Mutex<Option<Arc<Client>>>,
    account: Mutex<Account>,
    accounts: Mutex<Option<AccountStore>>,
    commands: mpsc::Sender<Command>,
}

impl Device {
    /// A device that nobody has started, and where its supervisor gets commands from.
    pub(crate) fn new(events: Events) -> (Arc<Self>, mpsc::Receiver<Command>) {
        let (commands, received) = mpsc::channel(8);
        let device = Self {
            events,
            acks: Acks::default(),
            retries: Retries::default(),
            status: watch::Sender::new(Status::new(Phase::Connecting, None, clock::now())),
            code: Mutex::new(None),
            client: Mutex::new(None),
            account: Mutex::default(),
            accounts: Mutex::new(None),
            commands,
        };
        (Arc::new(device), received)
    }

    /// Tells the supervisor something and waits until it is done.
    pub(crate) async fn command(
        &self,
        make: impl FnOnce(tokio::sync::oneshot::Sender<()>) -> Command,
    ) {
        let (done, finished) = tokio::sync::oneshot::channel();
        if self.commands.send(make(done)).await.is_ok() {
            // Dropped when the program ends meanwhile.
            let _ended = finished.await;
        }
    }

    /// The connection's state.
    pub(crate) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// The state and who the device is.
    pub(crate) fn view(&self) -> StatusView {
        StatusView {
            status: self.status(),
            identity: self.identity(),
        }
    }

    /// Makes it so, and tells the sidecar where that is news.
    pub(crate) fn set(&self, status: Status) {
        let news = self.status.send_if_modified(|current| {
            let news = !current.same(&status);
            let since = if news { status.since } else { current.since };
            *current = Status { since, ..status };
            news
        });
        if status.reason != Some(Reason::ScanQr) {
            *lock(&self.code) = None;
        }
        if news {
            tracing::info!(status = ?status.phase, reason = ?status.reason, "the device's status is another");
            self.events.tell(Event::Status(Box::new(self.view())));
        }
    }

    /// Tells the sidecar that the program has begun.
    pub(crate) fn announce(&self) {
        self.events.tell(Event::Status(Box::new(self.view())));
    }

    /// Shows a code to scan.
    pub(crate) fn show(&self, code: Code) {
        self.set(Status::new(
            Phase::Connecting,
            Some(Reason::ScanQr),
            clock::now(),
        ));
        self.events.tell(Event::Qr {
            code: code.code.clone(),
            expires_at: code.expires_at,
        });
        *lock(&self.code) = Some(code);
    }

    /// The code to scan, where there is one.
    pub(crate) fn code(&self, now: Timestamp) -> Option<Code> {
        lock(&self.code)
            .clone()
            .filter(|code| code.expires_at > now)
    }

    /// The client that connects from now on, or the last one whose keys are still there.
    pub(crate) fn adopt(&self, client: Option<Arc<Client>>) {
        *lock(&self.client) = client;
    }

    /// What is known of the account, and where what is learnt of it is kept.
    pub(crate) fn remember(&self, account: Account, accounts: AccountStore) {
        *lock(&self.account) = account;
        *lock(&self.accounts) = Some(accounts);
    }

    /// A phone linked the device to this account.
    pub(crate) fn linked_to(&self, account: Account) {
        lock(&self.account).clone_from(&account);
        if let Some(accounts) = lock(&self.accounts).clone() {
            tokio::task::spawn_blocking(move || {
                if let Err(error) = accounts.save(&account) {
                    tracing::warn!(%error, "known until the program ends");
                }
            });
        }
    }

    /// The client, connected or not.
    pub(crate) fn client(&self) -> Option<Arc<Client>> {
        lock(&self.client).clone()
    }

    /// The client, to do something with now.
    pub(crate) fn connected(&self) -> Result<Arc<Client>, NotConnected> {
        let client = self
            .client()
            .filter(|_| self.status().phase == Phase::Connected);
        client.ok_or(NotConnected)
    }

    /// Who the device is.
    pub(crate) fn identity(&self) -> Identity {
        let Some(client) = self.client() else {
            return Identity::default();
        };
        let device = client.persistence_manager().get_device_snapshot();
        let Some(jid) = device.pn.as_ref() else {
            return Identity::default();
        };
        Identity {
            linked: true,
            phone: Some(mask::phone(&jid.user)),
            jid: Some(jid.to_string()),
            lid: device.lid.as_ref().map(ToString::to_string),
            push_name: Some(device.push_name.clone()).filter(|name| !name.is_empty()),
            account: lock(&self.account).clone(),
        }
    }
}

/// Locks what a panic can't have left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
