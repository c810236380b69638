//! A session's linked device, as the session knows it: how it is doing, the code that it shows, and what
//! is told of it.

use std::{io, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use titan_crds::{media_session::SessionState, report::DeviceReport};
use tokio::{
    net::UnixListener,
    sync::{Semaphore, watch},
};
use tokio_util::sync::CancellationToken;

use super::{Session, Shared, hosts::Hosts, phone};
use crate::{
    clock,
    config::{DeviceConfig, SessionConfig},
    device::{
        Client, Code, Phase, Place, Program, Status, place, server,
        words::{Happening, Receipt},
    },
    message::identity::normalise_jid,
    store::{Notice, StoreError},
    webhook::trial::tell_until,
};

/// Between two questions how the device is doing, while nobody said.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Callers who may wait for the phone at once; further ones are told to come again.
const WAITERS: usize = 256;

/// A session's linked device.
#[derive(Debug)]
pub struct Linked {
    pub(super) client: Client,
    config: DeviceConfig,
    /// `None`: the program has not been heard of.
    pub(super) status: watch::Sender<Option<Status>>,
    code: watch::Sender<Option<Code>>,
    /// What it is told of the CDN.
    pub(super) hosts: Hosts,
    /// Callers who wait for the phone to bring back a file.
    waiters: Semaphore,
}

/// What a device needs to begin.
#[derive(Debug)]
pub(super) struct Beginning {
    listener: UnixListener,
    program: Option<Program>,
}

// === impl Linked ===

impl Linked {
    /// Opens the sockets of the device that the configuration asks for, if it does.
    ///
    /// # Errors
    ///
    /// When they can't be opened.
    pub(super) fn open(
        config: &SessionConfig,
        data_dir: &Path,
        shared: &Shared,
    ) -> Result<Option<(Arc<Self>, Beginning)>, StoreError> {
        let (Some(device), Some(place)) = (&config.device, &shared.device_place) else {
            return Ok(None);
        };
        let open = || -> io::Result<_> {
            let (folder, program) = match place {
                Place::Given(folder) => (folder.clone(), None),
                Place::Program(file) => {
                    let keys = super::folder(data_dir, &config.key).join("whatsapp");
                    let folder = place::private_folder(&keys)?;
                    let program = Program::new(file.clone(), folder.clone(), keys, device.clone())?;
                    (folder, Some(program))
                }
            };
            let listener = server::listen(&folder)?;
            Ok((folder, Beginning { listener, program }))
        };
        let (folder, beginning) =
            open().map_err(|error| StoreError::io("open the device's sockets", error))?;
        let linked = Self {
            client: Client::new(&folder),
            config: device.clone(),
            status: watch::Sender::default(),
            code: watch::Sender::default(),
            hosts: Hosts::default(),
            waiters: Semaphore::new(WAITERS),
        };
        Ok(Some((Arc::new(linked), beginning)))
    }

    /// Calls the program that holds it.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What it was started with.
    #[must_use]
    pub fn config(&self) -> &DeviceConfig {
        &self.config
    }

    /// How it is doing, as far as is known.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status.borrow().clone()
    }

    /// The code that it shows, while it holds.
    #[must_use]
    pub fn code(&self, now: Timestamp) -> Option<Code> {
        let code = self.code.borrow().clone();
        code.filter(|code| code.expires_at > now)
    }

    /// Changes whenever another code is shown, or none.
    #[must_use]
    pub fn codes(&self) -> watch::Receiver<Option<Code>> {
        self.code.subscribe()
    }

    /// Places for callers who wait for the phone.
    pub(crate) fn waiters(&self) -> &Semaphore {
        &self.waiters
    }

    /// Takes a status for the newest. Answers whether it says something else than the one before, and
    /// that one.
    pub(crate) fn learn(&self, status: &Status) -> (bool, Option<Status>) {
        if status.reason.as_deref() != Some("ScanQr") {
            self.code.send_replace(None);
        }
        let before = self.status.send_replace(Some(status.clone()));
        let same = before
            .as_ref()
            .is_some_and(|before| before.phase == status.phase && before.reason == status.reason);
        (!same, before)
    }

    /// For the operator.
    #[must_use]
    pub fn report(&self) -> DeviceReport {
        let status = self.status().unwrap_or_default();
        DeviceReport {
            state: match status.phase {
                Phase::Connecting => SessionState::Connecting,
                Phase::Connected => SessionState::Connected,
                Phase::Disconnected => SessionState::Disconnected,
            },
            reason: status.reason,
            retry_at: status.retry_at,
            phone_number: status.phone,
        }
    }
}

impl Session {
    /// The session's linked device, where it has one of its own.
    #[must_use]
    pub fn device(&self) -> Option<&Arc<Linked>> {
        self.device.as_ref()
    }

    pub(super) fn begin_device(self: &Arc<Self>, beginning: Beginning) {
        let Beginning { listener, program } = beginning;
        self.tasks
            .spawn(server::serve(listener, self.clone(), self.stop.clone()));
        if let Some(program) = program {
            self.tasks.spawn(program.run(self.stop.clone()));
        }
        self.tasks.spawn(ask(self.clone(), self.stop.clone()));
        self.tasks
            .spawn(phone::run(self.clone(), self.stop.clone()));
    }

    /// Something happened to the device, or to what it sent.
    ///
    /// # Errors
    ///
    /// When the store can't keep what is to be told.
    pub(crate) async fn happened(
        self: &Arc<Self>,
        event: Happening,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(device) = self.device() else {
            return Ok(());
        };
        match event {
            Happening::Status(status) => match device.learn(&status) {
                (true, before) => self.tell_status(&status, before.as_ref(), now).await,
                (false, _) => Ok(()),
            },
            Happening::Qr(code) => {
                device.code.send_replace(Some(code.clone()));
                self.show(&code);
                Ok(())
            }
            Happening::Ack { id, error } => {
                let status = if error.is_some() { "failed" } else { "sent" };
                let facts = facts(json!({"id": id, "status": status, "error": error}));
                self.notify(
                    "message.ack",
                    format!("{id} {status}"),
                    String::new(),
                    facts,
                    now,
                )
                .await
            }
            Happening::Receipt(receipt) => self.tell_receipt(&receipt, now).await,
            Happening::MediaRetry { id, answer } => self.phone_answers(&id, answer, now).await,
            Happening::Unknown => Ok(()),
        }
    }

    async fn tell_status(
        &self,
        status: &Status,
        before: Option<&Status>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (phase, reason) = (status.phase, reason_name(status));
        tracing::info!(session = %self.key, ?phase, reason, "the device is in another state");
        let about = format!("{phase:?} {reason:?} {:?}", status.since.unwrap_or(now));
        let told = facts(json!({"status": phase, "statusReason": reason}));
        self.notify("session.status", about.clone(), String::new(), told, now)
            .await?;
        if phase == Phase::Connected {
            let told = facts(json!({
                "phoneNumber": phone_number(status),
                "pushName": status.push_name,
                "businessName": status.business_name,
                "platform": status.platform,
                "lid": status.lid,
            }));
            self.notify("session.connected", about, String::new(), told, now)
                .await
        } else if status.reason.as_deref() == Some("LoggedOut") {
            let phone = before.and_then(phone_number);
            let told = facts(json!({"phoneNumber": phone}));
            self.notify("session.logged_out", about, String::new(), told, now)
                .await
        } else {
            Ok(())
        }
    }

    async fn tell_receipt(&self, receipt: &Receipt, now: Timestamp) -> Result<(), StoreError> {
        // What the account's own phone read is no news of what was sent.
        let status @ ("delivered" | "read" | "played") = receipt.kind.as_str() else {
            return Ok(());
        };
        let (chat, sender) = (normalise_jid(&receipt.chat), normalise_jid(&receipt.sender));
        for id in &receipt.ids {
            let about = format!("{id} {status} {sender}");
            let told = facts(json!({
                "id": id, "chatId": chat, "status": status, "from": sender,
                "timestamp": receipt.timestamp,
            }));
            self.notify("message.ack", about, chat.clone(), told, now)
                .await?;
        }
        Ok(())
    }

    async fn notify(
        &self,
        name: &'static str,
        about: String,
        chat: String,
        facts: Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let endpoints = self.endpoints_wanting(name);
        let notice = Notice {
            name,
            about,
            chat,
            facts,
            endpoints,
        };
        self.store.notify(notice, now).await
    }

    /// Posts a code to those who want `session.qr`, past the outbox: it is a credential, and soon of no
    /// use.
    fn show(self: &Arc<Self>, code: &Code) {
        let config = self.config();
        let wanting = self.endpoints_wanting("session.qr");
        let facts = json!({"qr": code.code, "expiresAt": code.expires_at});
        for endpoint in &config.endpoints {
            if !wanting.contains(&endpoint.id) {
                continue;
            }
            let (session, endpoint) = (self.clone(), endpoint.clone());
            let (facts, until) = (facts.clone(), code.expires_at);
            tokio::spawn(async move {
                let client = &session.shared.webhooks;
                let telling =
                    tell_until(client, &endpoint, &session.key, "session.qr", facts, until);
                session.stop.run_until_cancelled(telling).await;
            });
        }
    }
}

/// Asks how the device is doing until the program said so itself, and after it was not heard of.
async fn ask(session: Arc<Session>, stop: CancellationToken) {
    let Some(device) = session.device() else {
        return;
    };
    let mut tick = tokio::time::interval(ASK_EVERY);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        if device.status.borrow().is_some() {
            continue;
        }
        if let Ok(status) = device.client.status().await
            && let Err(error) = session
                .happened(Happening::Status(Box::new(status)), clock::now())
                .await
        {
            tracing::warn!(session = %session.key, %error, "the device's state is not told");
        }
    }
}

/// Titan's name of why the device is not connected, such as `SCAN_QR`.
#[must_use]
pub fn reason_name(status: &Status) -> Option<String> {
    let mut name = String::new();
    for letter in status.reason.as_deref()?.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    Some(name)
}

/// The whole number of the device's phone, E.164.
#[must_use]
pub fn phone_number(status: &Status) -> Option<String> {
    let jid = normalise_jid(status.jid.as_deref()?);
    let (user, _) = jid.split_once('@')?;
    (!user.is_empty() && user.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| format!("+{user}"))
}

/// The members that are not null.
fn facts(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else {
        return Map::new();
    };
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .collect()
}
