//! A linked device as the server knows it, and what waits for it.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use wacore_binary::Node;

use crate::{keys::Bundle, stanza};

/// What a connection is told by others.
#[derive(Debug)]
pub(crate) enum Told {
    /// Send this.
    Stanza(Node),
    /// Send this if there is something to say, and hang up.
    End(Option<Node>),
}

/// The connection that a device has.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) told: mpsc::UnboundedSender<Told>,
    /// Whether the device has asked for what waits, and gets the rest as it comes.
    pub(crate) active: bool,
}

/// A linked device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) key_index: u32,
    pub(crate) identity: Vec<u8>,
    /// Its proof that the account wants it, signed by both.
    pub(crate) signed_identity: Vec<u8>,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) link: Option<Link>,
    pub(crate) logins: usize,
    /// Logins while another connection of it was open.
    pub(crate) replaced: usize,
    /// What it said last of being there.
    pub(crate) presence: Option<String>,
    waiting: VecDeque<Node>,
}

impl Device {
    pub(crate) fn new(key_index: u32, identity: Vec<u8>, signed_identity: Vec<u8>) -> Self {
        Self {
            key_index,
            identity,
            signed_identity,
            bundle: None,
            link: None,
            logins: 0,
            replaced: 0,
            presence: None,
            waiting: VecDeque::new(),
        }
    }

    /// Keeps a stanza until it is acknowledged, and sends it if the device listens.
    pub(crate) fn deliver(&mut self, stanza: Node) {
        if let Some(link) = self.link.as_ref().filter(|link| link.active) {
            // A connection that just ended gets it next time.
            let _ended = link.told.send(Told::Stanza(stanza.clone()));
        }
        self.waiting.push_back(stanza);
    }

    /// Everything that waits, marked as sent late; what comes from now on is sent at once.
    pub(crate) fn activate(&mut self) -> Vec<Node> {
        if let Some(link) = self.link.as_mut() {
            link.active = true;
        }
        let late = |stanza: &Node| {
            let mut stanza = stanza.clone();
            stanza.attrs.insert("offline", "0");
            stanza
        };
        self.waiting.iter().map(late).collect()
    }

    /// The device has it: it is not sent again.
    pub(crate) fn acknowledge(&mut self, class: &str, id: &str) {
        self.waiting.retain(|stanza| {
            stanza.tag != class || stanza::attr(stanza, "id").as_deref() != Some(id)
        });
    }

    /// Ids of the messages that wait.
    pub(crate) fn messages(&self) -> Vec<String> {
        let messages = self.waiting.iter().filter(|stanza| stanza.tag == "message");
        messages
            .filter_map(|stanza| stanza::attr(stanza, "id"))
            .collect()
    }

    /// How many stanzas of a kind wait.
    pub(crate) fn unacknowledged(&self, tag: &str) -> usize {
        let stanzas = self.waiting.iter();
        stanzas.filter(|stanza| stanza.tag == tag).count()
    }

    /// Ends its connection.
    pub(crate) fn end(&mut self, farewell: Option<Node>) {
        if let Some(link) = self.link.take() {
            let _ended = link.told.send(Told::End(farewell));
        }
    }
}
