//! The server's side of the Noise handshake: XX with strangers, IK with who knows our key.

use anyhow::{Context, Result};
use buffa::{Message, MessageField};
use wacore::libsignal::protocol::KeyPair;
use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, WA_CONN_HEADER};
use wacore_noise::NoiseHandshake;
use waproto::whatsapp::{
    ClientPayload, HandshakeMessage,
    handshake_message::{ClientHello, ServerHello},
};

use crate::{
    certificate,
    keys::{generate, public},
    wire::{Ciphers, Wire},
};

/// Shakes hands and answers what the client says of itself. The wire speaks in stanzas from here on.
pub(crate) async fn accept(wire: &mut Wire, identity: &KeyPair) -> Result<ClientPayload> {
    let hello = message(wire)
        .await?
        .client_hello
        .into_option()
        .context("no client hello")?;
    let (handshake, payload) = if hello.r#static.is_some() {
        resume(wire, identity, hello).await?
    } else {
        introduce(wire, identity, hello).await?
    };
    // Named from the client's side.
    let (incoming, outgoing) = handshake.finish()?;
    wire.ciphers = Some(Ciphers::new(outgoing, incoming));
    Ok(ClientPayload::decode_from_slice(&payload)?)
}

/// XX: both sides learn each other's key.
async fn introduce(
    wire: &mut Wire,
    identity: &KeyPair,
    hello: ClientHello,
) -> Result<(NoiseHandshake, Vec<u8>)> {
    let theirs = hello.ephemeral.context("no ephemeral key")?;
    let ours = generate();
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER)?;
    noise.authenticate(&theirs);
    noise.authenticate(&public(&ours));
    noise.mix_shared_secret(ours.private_key.serialize(), &theirs)?;
    let key = noise.encrypt(&public(identity))?;
    noise.mix_shared_secret(identity.private_key.serialize(), &theirs)?;
    let chain = noise.encrypt(&certificate::chain(&public(identity)))?;
    answer(wire, &ours, Some(key), chain).await?;

    let finish = message(wire)
        .await?
        .client_finish
        .into_option()
        .context("no client finish")?;
    let key = noise.decrypt(&finish.r#static.context("no static key")?)?;
    noise.mix_shared_secret(ours.private_key.serialize(), &key)?;
    let payload = noise.decrypt(&finish.payload.context("no payload")?)?;
    Ok((noise, payload))
}

/// IK: the client knows our key and says everything in its first message.
async fn resume(
    wire: &mut Wire,
    identity: &KeyPair,
    hello: ClientHello,
) -> Result<(NoiseHandshake, Vec<u8>)> {
    let theirs = hello.ephemeral.context("no ephemeral key")?;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&public(identity));
    noise.authenticate(&theirs);
    noise.mix_shared_secret(identity.private_key.serialize(), &theirs)?;
    let key = noise.decrypt(&hello.r#static.context("no static key")?)?;
    noise.mix_shared_secret(identity.private_key.serialize(), &key)?;
    let payload = noise.decrypt(&hello.payload.context("no payload")?)?;

    let ours = generate();
    noise.authenticate(&public(&ours));
    noise.mix_shared_secret(ours.private_key.serialize(), &theirs)?;
    noise.mix_shared_secret(ours.private_key.serialize(), &key)?;
    let chain = noise.encrypt(&certificate::chain(&public(identity)))?;
    answer(wire, &ours, None, chain).await?;
    Ok((noise, payload))
}

async fn message(wire: &mut Wire) -> Result<HandshakeMessage> {
    let frame = wire.frame().await?.context("gone during the handshake")?;
    Ok(HandshakeMessage::decode_from_slice(&frame)?)
}

async fn answer(
    wire: &mut Wire,
    ephemeral: &KeyPair,
    key: Option<Vec<u8>>,
    chain: Vec<u8>,
) -> Result<()> {
    let hello = ServerHello {
        ephemeral: Some(public(ephemeral).to_vec()),
        r#static: key,
        payload: Some(chain),
        ..Default::default()
    };
    let message = HandshakeMessage {
        server_hello: MessageField::some(hello),
        ..Default::default()
    };
    wire.send_frame(&message.encode_to_vec()).await
}
