//! What the server knows, behind one lock, and a count of its changes to wait on.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use wacore::libsignal::protocol::KeyPair;
use wacore_binary::{Jid, Node, builder::NodeBuilder};

use crate::{
    account::Account,
    device::{Device, Link, Told},
    keys::generate,
    pairing::Act,
    retry::Retries,
};

/// How long a test waits for what should be there in no time.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);

/// A device of an account; 0 is the phone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) phone: String,
    pub(crate) device: u16,
}

impl Address {
    pub(crate) fn jid(&self) -> Jid {
        Jid::pn_device(self.phone.as_str(), self.device)
    }
}

/// Why the server ends a connection or refuses a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// Without a word.
    Dropped,
    /// Another connection of the device took its place.
    Replaced,
    /// The phone unlinked the device.
    Unlinked,
    /// The account is banned for an hour.
    Banned,
    /// The client is too old.
    Outdated,
}

impl Ended {
    /// The last stanza of a connection.
    pub(crate) fn farewell(self) -> Option<Node> {
        let conflict = |kind: &str| {
            let conflict = NodeBuilder::new("conflict").attr("type", kind).build();
            NodeBuilder::new("stream:error")
                .children([conflict])
                .build()
        };
        match self {
            Self::Dropped => None,
            Self::Replaced => Some(conflict("replaced")),
            Self::Unlinked => Some(conflict("device_removed")),
            Self::Banned | Self::Outdated => self.refusal(),
        }
    }

    /// The answer to a login.
    pub(crate) fn refusal(self) -> Option<Node> {
        let failure = |reason: &str| NodeBuilder::new("failure").attr("reason", reason);
        match self {
            Self::Dropped | Self::Replaced => None,
            Self::Unlinked => Some(failure("401").build()),
            Self::Banned => Some(
                failure("402")
                    .attr("code", "101")
                    .attr("expire", "3600")
                    .build(),
            ),
            Self::Outdated => Some(failure("405").build()),
        }
    }
}

/// Where devices find media, and how long they may believe it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MediaHosts {
    /// Names, the primary one first; a port can be with them.
    pub hosts: Vec<String>,
    /// What uploads carry.
    pub auth: String,
    /// Seconds for which the hosts are good.
    pub ttl: u64,
    /// Seconds for which uploads may carry `auth`.
    pub auth_ttl: u64,
}

impl Default for MediaHosts {
    fn default() -> Self {
        Self {
            hosts: vec![
                "mmg.whatsapp.net".to_owned(),
                "media.fallback.whatsapp.net".to_owned(),
            ],
            auth: "relay-auth".to_owned(),
            ttl: 300,
            auth_ttl: 3600,
        }
    }
}

/// All of it.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) accounts: HashMap<String, Account>,
    /// Devices to be linked: by what is in their QR code, and by the number of the phone that a code is typed on.
    pub(crate) showing: HashMap<String, mpsc::UnboundedSender<Act>>,
    /// Codes that a device may show one after the other.
    pub(crate) codes: usize,
    /// Groups by name, and the numbers of their members.
    pub(crate) groups: HashMap<String, Vec<String>>,
    /// Accounts that can't log in, and why.
    pub(crate) refused: HashMap<String, Ended>,
    pub(crate) retries: Retries,
    /// Notifications of history that devices said they have taken.
    pub(crate) history: HashSet<String>,
    pub(crate) media_hosts: MediaHosts,
    /// Every attempt to log in, refused ones included.
    pub(crate) attempts: usize,
    pub(crate) connections: u64,
}

impl Known {
    /// The account of an address, by number or by hidden number.
    pub(crate) fn account(&mut self, jid: &Jid) -> Option<(String, &mut Account)> {
        let user = jid.user_base();
        let found = self
            .accounts
            .iter_mut()
            .find(|(phone, account)| phone.as_str() == user || account.lid == user);
        found.map(|(phone, account)| (phone.clone(), account))
    }

    /// A linked device.
    pub(crate) fn device(&mut self, address: &Address) -> Option<&mut Device> {
        self.accounts
            .get_mut(&address.phone)?
            .devices
            .get_mut(&address.device)
    }

    /// Every linked device of a group's members.
    pub(crate) fn members(&self, group: &Jid) -> Vec<Address> {
        let phones = self.groups.get(group.user.as_str()).into_iter().flatten();
        let accounts = phones.filter_map(|phone| Some((phone, self.accounts.get(phone)?)));
        let devices = accounts.flat_map(|(phone, account)| {
            account.devices.keys().map(|device| Address {
                phone: phone.clone(),
                device: *device,
            })
        });
        devices.collect()
    }

    /// Makes a connection the device's only one.
    pub(crate) fn link(
        &mut self,
        address: &Address,
    ) -> Option<(u64, mpsc::UnboundedReceiver<Told>)> {
        self.connections += 1;
        let number = self.connections;
        let device = self.device(address)?;
        device.replaced += usize::from(device.link.is_some());
        device.end(Ended::Replaced.farewell());
        device.logins += 1;
        let (told, hears) = mpsc::unbounded_channel();
        device.link = Some(Link {
            number,
            told,
            active: false,
        });
        Some((number, hears))
    }

    /// Forgets a connection, unless another took its place.
    pub(crate) fn unlink(&mut self, address: &Address, number: u64) {
        if let Some(device) = self.device(address)
            && device
                .link
                .as_ref()
                .is_some_and(|link| link.number == number)
        {
            device.link = None;
        }
    }
}

/// The server's state.
pub(crate) struct State {
    pub(crate) identity: KeyPair,
    known: Mutex<Known>,
    changes: watch::Sender<u64>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            identity: generate(),
            known: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Looks at the state or changes it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        let result = act(&mut self.lock());
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// Waits until the state is as asked.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&mut Known) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        let seen = async {
            loop {
                if let Some(seen) = look(&mut self.lock()) {
                    return seen;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LONGEST, seen)
            .await
            .expect("waited for in vain")
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }
}
