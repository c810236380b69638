//! The server as a test sees it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use wacore::store::device::CachedServerCertChain;
use waproto::{codec::message_to_vec, whatsapp::Message};

use crate::{
    account::Scanned,
    certificate,
    keys::public,
    message, noise,
    pairing::{self, Act},
    retry::{self, Answer},
    session,
    state::{Address, Ended, Known, MediaHosts, State},
    wire::Wire,
};

/// What the phone answers to a media retry.
#[derive(Debug, Clone)]
pub struct MediaRetry {
    /// Id of the message.
    pub id: String,
    /// Key of its file, which seals the answer.
    pub media_key: Vec<u8>,
    /// Where the file is again; `None` when the phone doesn't have it.
    pub direct_path: Option<String>,
}

/// A running server. Dropping it ends it.
pub struct Relay {
    address: SocketAddr,
    pub(crate) state: Arc<State>,
    listener: AbortHandle,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Relay {
    /// Starts a server on a port of its own.
    pub async fn start() -> Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts a server at an address.
    pub async fn listen(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = reachable(listener.local_addr()?);
        let state = Arc::new(State::new());
        state.with(|known| known.codes = 6);
        let listener = tokio::spawn(listen(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            address,
            state,
            listener,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws/chat", self.address)
    }

    /// Lets devices show so many codes one after the other.
    pub fn codes(&self, codes: usize) {
        self.state.with(|known| known.codes = codes);
    }

    /// The server's certificates as a device keeps them that has met it before.
    #[must_use]
    pub fn certificates(&self) -> CachedServerCertChain {
        certificate::cached(public(&self.state.identity))
    }

    /// A phone scans the code that a device shows.
    pub fn scan(&self, phone: &str, code: &str) -> Result<()> {
        let scanned = Scanned::read(code).context("not a pairing code")?;
        let shown = self
            .state
            .with(|known| known.showing.get(&scanned.reference).cloned());
        let shown = shown.context("nobody shows this code")?;
        shown
            .send(Act::Scan(phone.to_owned(), scanned))
            .context("gone")
    }

    /// Somebody types the code on the phone that a device asked for.
    pub fn type_in(&self, phone: &str, code: &str) -> Result<()> {
        let asked = self.state.with(|known| known.showing.get(phone).cloned());
        let asked = asked.context("no device asked for a code")?;
        asked.send(Act::Type(code.to_owned())).context("gone")
    }

    /// The phone answers a media retry, or will once it is asked.
    pub fn answer(&self, retry: MediaRetry) {
        let MediaRetry {
            id,
            media_key,
            direct_path,
        } = retry;
        self.state.with(|known| {
            known.retries.answers.insert(
                id.clone(),
                Answer {
                    media_key,
                    direct_path,
                },
            );
            retry::deliver(known, &id);
        });
    }

    /// Makes a group of accounts.
    pub fn group(&self, name: &str, phones: &[&str]) {
        let phones = phones.iter().map(|&phone| phone.to_owned()).collect();
        self.state
            .with(|known| known.groups.insert(name.to_owned(), phones));
    }

    /// A newsletter that the account follows has a new message.
    pub fn publish(&self, phone: &str, newsletter: &str, id: &str, message: &Message) {
        let stanza = message::published(newsletter, id, message_to_vec(message));
        self.state
            .with(|known| device(known, phone).map(|device| device.deliver(stanza)));
    }

    /// Ends the connections of an account's devices.
    pub fn end(&self, phone: &str, reason: Ended) {
        self.state.with(|known| {
            let Some(account) = known.accounts.get_mut(phone) else {
                return;
            };
            for device in account.devices.values_mut() {
                device.end(reason.farewell());
            }
            if reason == Ended::Unlinked {
                account.devices.clear();
            }
        });
    }

    /// What devices are told from now on when they ask where media are.
    pub fn media_hosts(&self, hosts: MediaHosts) {
        self.state.with(|known| known.media_hosts = hosts);
    }

    /// From now on refuses the account's logins, or no longer.
    pub fn refuse(&self, phone: &str, reason: Option<Ended>) {
        self.state.with(|known| match reason {
            Some(reason) => known.refused.insert(phone.to_owned(), reason),
            None => known.refused.remove(phone),
        });
    }

    /// How often devices tried to log in, refused or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.state.with(|known| known.attempts)
    }

    /// How often the account's device logged in.
    #[must_use]
    pub fn logins(&self, phone: &str) -> usize {
        self.state
            .with(|known| device(known, phone).map_or(0, |device| device.logins))
    }

    /// How often the account's device logged in while another connection of it was open.
    #[must_use]
    pub fn replaced(&self, phone: &str) -> usize {
        self.state
            .with(|known| device(known, phone).map_or(0, |device| device.replaced))
    }

    /// Ids of the messages that the account's device has yet to acknowledge.
    #[must_use]
    pub fn waiting(&self, phone: &str) -> Vec<String> {
        self.state.with(|known| {
            device(known, phone)
                .map(|device| device.messages())
                .unwrap_or_default()
        })
    }

    /// Whether the account has a linked device.
    #[must_use]
    pub fn linked(&self, phone: &str) -> bool {
        self.state.with(|known| device(known, phone).is_some())
    }

    /// Whether the account's device listens, with keys for others to write to it.
    #[must_use]
    pub fn listens(&self, phone: &str) -> bool {
        self.state.with(|known| listens(known, phone).is_some())
    }

    /// Whether a device ever asked the phone for a message's file.
    #[must_use]
    pub fn was_asked(&self, message: &str) -> bool {
        self.state
            .with(|known| known.retries.ever.contains(message))
    }

    /// Waits until a device asked the phone for a message's file.
    pub async fn asked(&self, message: &str) {
        self.state
            .until(|known| known.retries.asked.contains_key(message).then_some(()))
            .await;
    }

    /// Waits until the last question for a message's file was about this chat.
    pub async fn asked_about(&self, message: &str, chat: &str) {
        self.state
            .until(|known| {
                (known.retries.asked.get(message)?.chat.to_string() == chat).then_some(())
            })
            .await;
    }

    /// Waits until the account's device listens, with keys for others to write to it.
    pub async fn listening(&self, phone: &str) {
        self.state.until(|known| listens(known, phone)).await;
    }

    /// Waits until as many messages wait for the account's device.
    pub async fn waits(&self, phone: &str, messages: usize) {
        self.state
            .until(|known| (device(known, phone)?.messages().len() == messages).then_some(()))
            .await;
    }

    /// How many receipts, or notifications, the account's device has yet to acknowledge.
    #[must_use]
    pub fn unacknowledged(&self, phone: &str, tag: &str) -> usize {
        self.state
            .with(|known| device(known, phone).map_or(0, |device| device.unacknowledged(tag)))
    }

    /// Waits until there is one.
    pub async fn unacknowledged_at_last(&self, phone: &str, tag: &str) {
        self.state
            .until(|known| (device(known, phone)?.unacknowledged(tag) > 0).then_some(()))
            .await;
    }

    /// Waits until all of them are acknowledged.
    pub async fn acknowledged(&self, phone: &str, tag: &str) {
        self.state
            .until(|known| (device(known, phone)?.unacknowledged(tag) == 0).then_some(()))
            .await;
    }

    /// Waits until no more messages than that wait for the account's device.
    pub async fn waits_at_most(&self, phone: &str, messages: usize) {
        self.state
            .until(|known| (device(known, phone)?.messages().len() <= messages).then_some(()))
            .await;
    }

    /// Waits until the account's device said last that it is this: `available` or `unavailable`.
    pub async fn presence(&self, phone: &str, presence: &str) {
        self.state
            .until(|known| {
                (device(known, phone)?.presence.as_deref() == Some(presence)).then_some(())
            })
            .await;
    }

    /// Waits until the account's device has no connection.
    pub async fn gone(&self, phone: &str) {
        self.state
            .until(|known| device(known, phone)?.link.is_none().then_some(()))
            .await;
    }

    /// Waits until the account's device has logged in that often.
    pub async fn logged_in(&self, phone: &str, times: usize) {
        self.state
            .until(|known| (device(known, phone)?.logins >= times).then_some(()))
            .await;
    }
}

/// The account's newest device.
pub(crate) fn device<'a>(
    known: &'a mut Known,
    phone: &str,
) -> Option<&'a mut crate::device::Device> {
    let device = *known.accounts.get(phone)?.devices.keys().last()?;
    known.device(&Address {
        phone: phone.to_owned(),
        device,
    })
}

fn listens(known: &mut Known, phone: &str) -> Option<()> {
    let device = device(known, phone)?;
    (device.bundle.is_some() && device.link.as_ref()?.active).then_some(())
}

/// Where a listener is found from this machine: nobody connects to "any address".
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        (Ipv4Addr::LOCALHOST, address.port()).into()
    } else {
        address
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &state).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}

async fn serve(stream: TcpStream, state: &Arc<State>) -> Result<()> {
    let mut wire = Wire::accept(stream).await?;
    let payload = noise::accept(&mut wire, &state.identity).await?;
    if payload.device_pairing_data.is_set() {
        pairing::serve(wire, state).await
    } else {
        session::serve(wire, state, &payload).await
    }
}
