//! An account: a phone that signs its linked devices, and those.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use buffa::Message;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wacore::libsignal::protocol::KeyPair;
use wacore_binary::{Jid, Node, builder::NodeBuilder};
use waproto::whatsapp::{
    ADVDeviceIdentity, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC,
    ADVSignedKeyIndexList,
};

use crate::{
    device::Device,
    keys::{Bundle, generate, public},
    stanza,
};

/// Tells an account's key lists from those of another account with its number.
const RAW_ID: u32 = 1;

/// What a QR code says of the device that shows it.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    pub(crate) reference: String,
    pub(crate) identity: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

impl Scanned {
    /// Reads `ref,noise,identity,secret,kind`, with or without the link in front.
    pub(crate) fn read(code: &str) -> Option<Self> {
        let code = code.rsplit_once('#').map_or(code, |(_link, code)| code);
        let mut parts = code.split(',');
        let reference = parts.next()?.to_owned();
        let _noise = parts.next()?;
        let identity = BASE64_STANDARD.decode(parts.next()?).ok()?;
        let secret = BASE64_STANDARD.decode(parts.next()?).ok()?;
        Some(Self {
            reference,
            identity,
            secret,
        })
    }
}

/// A phone's account.
pub(crate) struct Account {
    pub(crate) lid: String,
    pub(crate) devices: BTreeMap<u16, Device>,
    pub(crate) phone_keys: Bundle,
    /// How often devices asked the phone for something of theirs.
    pub(crate) asked: usize,
    identity: KeyPair,
    /// Number of the next device; numbers are never used twice.
    next: u16,
}

impl Account {
    pub(crate) fn new(phone: &str) -> Self {
        let identity = generate();
        Self {
            lid: format!("77{phone}"),
            devices: BTreeMap::new(),
            phone_keys: Bundle::of_phone(&identity),
            asked: 0,
            identity,
            next: 1,
        }
    }

    /// The phone's own key.
    pub(crate) fn identity(&self) -> &KeyPair {
        &self.identity
    }

    /// A number for a new device, and the phone's word for it, sealed with the secret that was in the code.
    pub(crate) fn vouch(&mut self, scanned: &Scanned) -> (u16, Vec<u8>) {
        let device = self.next;
        self.next += 1;
        let details = ADVDeviceIdentity {
            raw_id: Some(RAW_ID),
            timestamp: Some(stanza::now()),
            key_index: Some(u32::from(device)),
            ..Default::default()
        }
        .encode_to_vec();
        let signed = [&[6, 0], details.as_slice(), &scanned.identity].concat();
        let signature = self
            .identity
            .private_key
            .calculate_signature(&signed, &mut rand::rng())
            .unwrap();
        let identity = ADVSignedDeviceIdentity {
            details: Some(details),
            account_signature_key: Some(public(&self.identity).to_vec()),
            account_signature: Some(signature.to_vec()),
            ..Default::default()
        }
        .encode_to_vec();
        let mut mac = Hmac::<Sha256>::new_from_slice(&scanned.secret).unwrap();
        mac.update(&identity);
        let sealed = ADVSignedDeviceIdentityHMAC {
            details: Some(identity),
            hmac: Some(mac.finalize().into_bytes().to_vec()),
            ..Default::default()
        };
        (device, sealed.encode_to_vec())
    }

    /// The account's devices, as a sender asks for them.
    pub(crate) fn listed(&self, jid: &Jid) -> Node {
        let phone = NodeBuilder::new("device").attr("id", "0").build();
        let linked = self.devices.iter().map(|(id, device)| {
            NodeBuilder::new("device")
                .attr("id", *id)
                .attr("key-index", device.key_index)
                .build()
        });
        let list = NodeBuilder::new("device-list")
            .children(std::iter::once(phone).chain(linked))
            .build();
        let devices = NodeBuilder::new("devices")
            .children([list, self.key_indexes()])
            .build();
        NodeBuilder::new("user")
            .attr("jid", jid)
            .children([devices])
            .build()
    }

    fn key_indexes(&self) -> Node {
        let indexes: Vec<u32> = self
            .devices
            .values()
            .map(|device| device.key_index)
            .collect();
        let now = stanza::now();
        let list = ADVKeyIndexList {
            raw_id: Some(RAW_ID),
            timestamp: Some(now),
            current_index: indexes.iter().copied().max(),
            valid_indexes: indexes,
            ..Default::default()
        };
        let signed = ADVSignedKeyIndexList {
            details: Some(list.encode_to_vec()),
            ..Default::default()
        };
        NodeBuilder::new("key-index-list")
            .attr("ts", now)
            .bytes(signed.encode_to_vec())
            .build()
    }
}
