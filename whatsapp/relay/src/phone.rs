//! The phone as a sender: what it tells the devices of its own account, sealed for them as everything else is.
//!
//! Every message opens a session of its own, so that nothing of it has to be kept.

use anyhow::{Context, Result};
use async_trait::async_trait;
use buffa::{Message as _, MessageField};
use rand::{SeedableRng, rngs::StdRng};
use wacore::{
    libsignal::protocol::{
        CiphertextMessage, Direction, IdentityChange, IdentityKey, IdentityKeyPair,
        IdentityKeyStore, KeyPair, PreKeyBundle, ProtocolAddress, PublicKey, SessionRecord,
        SessionStore, SignalProtocolError, UsePQRatchet, message_encrypt, process_prekey_bundle,
    },
    messages::MessageUtils,
};
use wacore_binary::{Jid, Node, builder::NodeBuilder};
use waproto::whatsapp::{
    Message, MessageKey, WebMessageInfo,
    message::{
        HistorySyncNotification, PeerDataOperationRequestResponseMessage,
        PeerDataOperationRequestType, ProtocolMessage,
        peer_data_operation_request_response_message::{
            PeerDataOperationResult, peer_data_operation_result::PlaceholderMessageResendResponse,
        },
        protocol_message::Type,
    },
};

use crate::{
    Relay,
    keys::{Bundle, Numbered},
    relay::device,
    stanza,
};

type Signal<T> = std::result::Result<T, SignalProtocolError>;

impl Relay {
    /// The phone tells its newest device something, under an id.
    pub async fn tell(&self, phone: &str, id: &str, message: &Message) -> Result<()> {
        let keys = self.state.with(|known| {
            let bundle = device(known, phone)?.bundle.as_mut()?.take();
            Some((known.accounts.get(phone)?.identity().clone(), bundle))
        });
        let (identity, bundle) = keys.context("nobody can write to the device")?;
        let (kind, sealed) = seal(&identity, &bundle, message).await?;
        let stanza = peer_message(phone, id, kind, sealed);
        self.state
            .with(|known| device(known, phone).map(|device| device.deliver(stanza)))
            .context("the device is gone")
    }

    /// A message comes that only the phone can read, as far as the server knows.
    pub fn withhold(&self, phone: &str, from: &str, id: &str) {
        let stanza = NodeBuilder::new("message")
            .attr("from", Jid::pn(from))
            .attr("id", id)
            .attr("type", "text")
            .attr("notify", format!("Sender {from}"))
            .attr("t", stanza::now())
            .children([NodeBuilder::new("unavailable").build()])
            .build();
        self.state
            .with(|known| device(known, phone).map(|device| device.deliver(stanza)));
    }

    /// The phone offers its newest device some of the chats' history, under an id.
    pub async fn history(
        &self,
        phone: &str,
        id: &str,
        notification: &HistorySyncNotification,
    ) -> Result<()> {
        let protocol = ProtocolMessage {
            r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: MessageField::some(notification.clone()),
            ..Default::default()
        };
        let message = Message {
            protocol_message: MessageField::some(protocol),
            ..Default::default()
        };
        self.tell(phone, id, &message).await
    }

    /// Whether a device said that it has taken what was offered under an id.
    #[must_use]
    pub fn history_was_taken(&self, id: &str) -> bool {
        self.state.with(|known| known.history.contains(id))
    }

    /// Waits until it did.
    pub async fn history_taken(&self, id: &str) {
        self.state
            .until(|known| known.history.contains(id).then_some(()))
            .await;
    }

    /// Waits until devices asked the phone for something that often.
    pub async fn phone_asked(&self, phone: &str, times: usize) {
        self.state
            .until(|known| (known.accounts.get(phone)?.asked >= times).then_some(()))
            .await;
    }

    /// The phone repeats a message that was withheld, under an id of its own.
    pub async fn repeat(
        &self,
        phone: &str,
        from: &str,
        id: &str,
        message: Message,
        answer: &str,
    ) -> Result<()> {
        self.tell(phone, answer, &repetition(from, id, message, answer))
            .await
    }
}

fn repetition(from: &str, id: &str, message: Message, answer: &str) -> Message {
    let repeated = WebMessageInfo {
        key: MessageField::some(MessageKey {
            remote_jid: Some(Jid::pn(from).to_string()),
            from_me: Some(false),
            id: Some(id.to_owned()),
            ..Default::default()
        }),
        message: MessageField::some(message),
        message_timestamp: Some(stanza::now()),
        ..Default::default()
    };
    let response = PlaceholderMessageResendResponse {
        web_message_info_bytes: Some(repeated.encode_to_vec()),
    };
    let response = PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: Some(
            PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND,
        ),
        stanza_id: Some(answer.to_owned()),
        peer_data_operation_result: vec![PeerDataOperationResult {
            placeholder_message_resend_response: MessageField::some(response),
            ..Default::default()
        }],
    };
    let protocol = ProtocolMessage {
        r#type: Some(Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
        peer_data_operation_request_response_message: MessageField::some(response),
        ..Default::default()
    };
    Message {
        protocol_message: MessageField::some(protocol),
        ..Default::default()
    }
}

fn peer_message(phone: &str, id: &str, kind: &'static str, sealed: Vec<u8>) -> Node {
    let sealed = NodeBuilder::new("enc")
        .attr("v", "2")
        .attr("type", kind)
        .bytes(sealed)
        .build();
    NodeBuilder::new("message")
        .attr("from", Jid::pn(phone))
        .attr("id", id)
        .attr("type", "text")
        .attr("category", "peer")
        .attr("t", stanza::now())
        .children([sealed])
        .build()
}

/// What the device opens, and what kind of message it is to Signal.
async fn seal(
    identity: &KeyPair,
    bundle: &Bundle,
    message: &Message,
) -> Result<(&'static str, Vec<u8>)> {
    let device = ProtocolAddress::new("device", 1.into());
    let mut session = Session::default();
    let mut keys = Identity(IdentityKeyPair::new(
        IdentityKey::new(identity.public_key),
        identity.private_key.clone(),
    ));
    let mut rng = StdRng::from_rng(&mut rand::rng());
    process_prekey_bundle(
        &device,
        &mut session,
        &mut keys,
        &signal(bundle)?,
        &mut rng,
        UsePQRatchet::No,
    )
    .await?;
    let padded = MessageUtils::pad_message_v2(message.encode_to_vec());
    let sealed = message_encrypt(&padded, &device, &mut session, &mut keys).await?;
    let kind = match sealed {
        CiphertextMessage::PreKeySignalMessage(_) => "pkmsg",
        _ => "msg",
    };
    Ok((kind, sealed.serialize().to_vec()))
}

fn signal(bundle: &Bundle) -> Result<PreKeyBundle> {
    let number = |key: &Numbered| {
        key.id
            .iter()
            .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte))
    };
    let public = |bytes: &[u8]| PublicKey::from_djb_public_key_bytes(bytes);
    let once = bundle.once.front();
    let once = once.map(|key| anyhow::Ok((number(key).into(), public(&key.value)?)));
    Ok(PreKeyBundle::new(
        u32::from_be_bytes(bundle.registration.as_slice().try_into()?),
        1.into(),
        once.transpose()?,
        number(&bundle.signed).into(),
        public(&bundle.signed.value)?,
        bundle.signed.signature.clone().context("not signed")?,
        IdentityKey::new(public(&bundle.identity)?),
    )?)
}

/// The one session that a message needs.
#[derive(Default)]
struct Session(Option<SessionRecord>);

#[async_trait]
impl SessionStore for Session {
    async fn load_session(&self, _device: &ProtocolAddress) -> Signal<Option<SessionRecord>> {
        Ok(self.0.clone())
    }

    async fn has_session(&self, _device: &ProtocolAddress) -> Signal<bool> {
        Ok(self.0.is_some())
    }

    async fn store_session(
        &mut self,
        _device: &ProtocolAddress,
        record: SessionRecord,
    ) -> Signal<()> {
        self.0 = Some(record);
        Ok(())
    }
}

/// The phone's own key; it believes its devices.
struct Identity(IdentityKeyPair);

#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> Signal<IdentityKeyPair> {
        Ok(self.0.clone())
    }

    async fn get_local_registration_id(&self) -> Signal<u32> {
        Ok(7)
    }

    async fn save_identity(
        &mut self,
        _device: &ProtocolAddress,
        _identity: &IdentityKey,
    ) -> Signal<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(
        &self,
        _device: &ProtocolAddress,
        _identity: &IdentityKey,
        _direction: Direction,
    ) -> Signal<bool> {
        Ok(true)
    }

    async fn get_identity(&self, _device: &ProtocolAddress) -> Signal<Option<IdentityKey>> {
        Ok(None)
    }
}
