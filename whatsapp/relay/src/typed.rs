//! Pairing by a code that somebody types on the phone: both sides prove with it that they mean each other.

use anyhow::{Context, Result, ensure};
use wacore::{
    crypto::hkdf_sha256_into,
    libsignal::{
        crypto::aes_256_gcm_decrypt,
        protocol::{KeyPair, PublicKey},
    },
    pair_code::PairCodeUtils,
};
use wacore_binary::{Node, builder::NodeBuilder};

use crate::{
    account::{Account, Scanned},
    keys::{generate, public},
    stanza::{self, bytes},
};

/// The stanza that all of it is in.
const TAG: &str = "link_code_companion_reg";

/// What a device sent to be linked by a code.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Number of the phone that the code is typed on.
    pub(crate) phone: String,
    wrapped: Vec<u8>,
}

impl Hello {
    /// Reads a device's first word.
    pub(crate) fn read(iq: &Node) -> Option<Self> {
        let hello = stage(iq, "companion_hello")?;
        Some(Self {
            phone: stanza::jid(hello, "jid")?.user.to_string(),
            wrapped: bytes(hello, "link_code_pairing_wrapped_companion_ephemeral_pub")?,
        })
    }

    /// The server's answer: a word to know this pairing by.
    pub(crate) fn answer(&self) -> Node {
        let reference = NodeBuilder::new("link_code_pairing_ref")
            .bytes(self.reference())
            .build();
        NodeBuilder::new(TAG).children([reference]).build()
    }

    fn reference(&self) -> Vec<u8> {
        format!("code-{}", self.phone).into_bytes()
    }
}

/// The phone, once the code was typed.
pub(crate) struct Typed {
    ephemeral: KeyPair,
    theirs: [u8; 32],
}

impl Typed {
    /// Types the code, and says what the phone then tells the device.
    pub(crate) fn new(hello: &Hello, account: &Account, code: &str) -> Result<(Self, Node)> {
        let theirs = PairCodeUtils::decrypt_primary_ephemeral_pub(&hello.wrapped, code)?;
        let ephemeral = generate();
        let wrapped = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), code);
        let part = |tag, bytes: &[u8]| NodeBuilder::new(tag).bytes(bytes.to_vec()).build();
        let told = NodeBuilder::new(TAG)
            .attr("stage", "primary_hello")
            .children([
                part("link_code_pairing_wrapped_primary_ephemeral_pub", &wrapped),
                part("primary_identity_pub", &public(account.identity())),
                part("link_code_pairing_ref", &hello.reference()),
            ])
            .build();
        let notification = NodeBuilder::new("notification")
            .attr("from", stanza::server())
            .attr("type", TAG)
            .attr("id", "primary-hello")
            .attr("t", stanza::now())
            .children([told])
            .build();
        Ok((Self { ephemeral, theirs }, notification))
    }

    /// Opens the device's last word; without the right code nobody can. What is in it is what a QR code would have said.
    pub(crate) fn open(&self, iq: &Node, account: &Account) -> Result<Option<Scanned>> {
        let Some(finish) = stage(iq, "companion_finish") else {
            return Ok(None);
        };
        let wrapped = bytes(finish, "link_code_pairing_wrapped_key_bundle").context("no bundle")?;
        let identity = bytes(finish, "companion_identity_public").context("no identity")?;
        ensure!(wrapped.len() > 44, "a short bundle");
        let (salt, rest) = wrapped.split_at(32);
        let (iv, sealed) = rest.split_at(12);
        let agreed = agree(&self.ephemeral, &self.theirs)?;
        let key = derive(
            &agreed,
            Some(salt),
            b"link_code_pairing_key_bundle_encryption_key",
        );
        let mut bundle = Vec::new();
        aes_256_gcm_decrypt(&key, iv.try_into()?, b"", sealed, &mut bundle)
            .ok()
            .context("another code")?;
        let (identities, chance) = bundle.split_at_checked(64).context("a short bundle")?;
        ensure!(identities.starts_with(&identity), "another device");
        let secret = [
            agreed.as_slice(),
            &agree(account.identity(), &identity)?,
            chance,
        ]
        .concat();
        let secret = derive(&secret, None, b"adv_secret").to_vec();
        Ok(Some(Scanned {
            reference: String::new(),
            identity,
            secret,
        }))
    }
}

fn stage<'a>(iq: &'a Node, name: &str) -> Option<&'a Node> {
    let child = iq.get_optional_child(TAG)?;
    (stanza::attr(child, "stage").as_deref() == Some(name)).then_some(child)
}

fn agree(ours: &KeyPair, theirs: &[u8]) -> Result<[u8; 32]> {
    Ok(ours
        .private_key
        .calculate_agreement(&PublicKey::from_djb_public_key_bytes(theirs)?)?)
}

fn derive(secret: &[u8], salt: Option<&[u8]>, info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    hkdf_sha256_into(secret, salt, info, &mut key).unwrap();
    key
}
