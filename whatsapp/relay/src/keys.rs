//! Keys, and what a device has at the server for others to write to it.

use std::collections::VecDeque;

use wacore::libsignal::protocol::KeyPair;
use wacore_binary::{Jid, Node, builder::NodeBuilder};

use crate::stanza;

/// A new key pair.
pub(crate) fn generate() -> KeyPair {
    KeyPair::generate(&mut rand::rng())
}

/// The public half as it goes over the wire.
pub(crate) fn public(pair: &KeyPair) -> [u8; 32] {
    pair.public_key.public_key_bytes().try_into().unwrap()
}

/// A key with its number, and its signature where it has one.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    pub(crate) id: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) signature: Option<Vec<u8>>,
}

impl Numbered {
    /// Reads `<key>` or `<skey>`.
    fn read(node: &Node) -> Option<Self> {
        Some(Self {
            id: stanza::bytes(node, "id")?,
            value: stanza::bytes(node, "value")?,
            signature: stanza::bytes(node, "signature"),
        })
    }

    fn node(&self, tag: &'static str) -> Node {
        let part = |tag, bytes: &[u8]| NodeBuilder::new(tag).bytes(bytes.to_vec()).build();
        let mut parts = vec![part("id", &self.id), part("value", &self.value)];
        parts.extend(
            self.signature
                .as_deref()
                .map(|bytes| part("signature", bytes)),
        );
        NodeBuilder::new(tag).children(parts).build()
    }
}

/// Everything that a first message to a device needs.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) registration: Vec<u8>,
    pub(crate) identity: Vec<u8>,
    pub(crate) signed: Numbered,
    pub(crate) once: VecDeque<Numbered>,
}

impl Bundle {
    /// What a phone would upload: no one-time keys, which nobody needs.
    pub(crate) fn of_phone(identity: &KeyPair) -> Self {
        let signed = generate();
        let signature = identity
            .private_key
            .calculate_signature(&signed.public_key.serialize(), &mut rand::rng())
            .unwrap();
        Self {
            registration: vec![0, 0, 0, 7],
            identity: public(identity).to_vec(),
            signed: Numbered {
                id: vec![0, 0, 1],
                value: public(&signed).to_vec(),
                signature: Some(signature.to_vec()),
            },
            once: VecDeque::new(),
        }
    }

    /// Reads an upload.
    pub(crate) fn read(iq: &Node) -> Option<Self> {
        let keys = iq
            .get_optional_child("list")
            .and_then(Node::children)
            .unwrap_or_default();
        Some(Self {
            registration: stanza::bytes(iq, "registration")?,
            identity: stanza::bytes(iq, "identity")?,
            signed: Numbered::read(iq.get_optional_child("skey")?)?,
            once: keys.iter().filter_map(Numbered::read).collect(),
        })
    }

    /// The bundle with one of its one-time keys, which is nobody else's from then on.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            once: self.once.pop_front().into_iter().collect(),
            ..self.clone()
        }
    }

    /// Gives the bundle away, and a one-time key with it for good.
    pub(crate) fn give(&mut self, to: &Jid, device_identity: Option<&[u8]>) -> Node {
        let mut children = vec![
            NodeBuilder::new("registration")
                .bytes(self.registration.clone())
                .build(),
            NodeBuilder::new("type").bytes(vec![5]).build(),
            NodeBuilder::new("identity")
                .bytes(self.identity.clone())
                .build(),
            self.signed.node("skey"),
        ];
        children.extend(self.once.pop_front().map(|key| key.node("key")));
        children.extend(device_identity.map(|bytes| {
            NodeBuilder::new("device-identity")
                .bytes(bytes.to_vec())
                .build()
        }));
        NodeBuilder::new("user")
            .attr("jid", to)
            .children(children)
            .build()
    }
}
