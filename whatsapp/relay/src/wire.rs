//! A connection: WebSocket, frames, and Noise once the keys are known.

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};
use wacore::framing::{FrameDecoder, encode_frame};
use wacore_binary::{Node, OwnedNodeRef, consts::WA_CONN_HEADER, marshal, util::unpack_bytes};
use wacore_noise::NoiseCipher;

/// The keys of one connection, and how many frames each has seen.
pub(crate) struct Ciphers {
    pub(crate) outgoing: NoiseCipher,
    pub(crate) incoming: NoiseCipher,
    sent: u32,
    received: u32,
}

impl Ciphers {
    pub(crate) fn new(outgoing: NoiseCipher, incoming: NoiseCipher) -> Self {
        Self {
            outgoing,
            incoming,
            sent: 0,
            received: 0,
        }
    }
}

/// One connection.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
    frames: FrameDecoder,
    greeted: bool,
    pub(crate) ciphers: Option<Ciphers>,
}

impl Wire {
    /// Takes the connection as a WebSocket.
    pub(crate) async fn accept(stream: TcpStream) -> Result<Self> {
        let (_request, socket) = ServerBuilder::new().accept(stream).await?;
        Ok(Self {
            socket,
            frames: FrameDecoder::new(),
            greeted: false,
            ciphers: None,
        })
    }

    /// The next frame as it is; `None` when the client is gone.
    pub(crate) async fn frame(&mut self) -> Result<Option<BytesMut>> {
        loop {
            if let Some(frame) = self.frames.decode_frame() {
                return Ok(Some(frame));
            }
            let Some(message) = self.socket.next().await else {
                return Ok(None);
            };
            let message = message?;
            if message.is_close() {
                return Ok(None);
            }
            if !message.is_binary() {
                continue;
            }
            let data: bytes::Bytes = message.into_payload().into();
            let mut data = data.as_ref();
            if !self.greeted {
                data = data
                    .strip_prefix(&WA_CONN_HEADER)
                    .context("no connection header")?;
                self.greeted = true;
            }
            self.frames.feed(data);
        }
    }

    /// Sends a frame as it is.
    pub(crate) async fn send_frame(&mut self, frame: &[u8]) -> Result<()> {
        let framed = encode_frame(frame, None)?;
        Ok(self.socket.send(Message::binary(framed)).await?)
    }

    /// The next stanza; `None` when the client is gone.
    pub(crate) async fn receive(&mut self) -> Result<Option<Node>> {
        let Some(mut frame) = self.frame().await? else {
            return Ok(None);
        };
        let Some(ciphers) = self.ciphers.as_mut() else {
            bail!("a stanza before the handshake")
        };
        ciphers
            .incoming
            .decrypt_in_place_with_counter(ciphers.received, &mut frame)?;
        ciphers.received += 1;
        Ok(Some(
            OwnedNodeRef::new(unpack_bytes(frame)?)?.to_owned_node(),
        ))
    }

    /// Sends a stanza.
    pub(crate) async fn send(&mut self, node: &Node) -> Result<()> {
        let plain = marshal(node)?;
        let Some(ciphers) = self.ciphers.as_mut() else {
            bail!("a stanza before the handshake")
        };
        let frame = ciphers
            .outgoing
            .encrypt_with_counter(ciphers.sent, &plain)?;
        ciphers.sent += 1;
        self.send_frame(&frame).await
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        // The client may be gone already.
        let _gone = self.socket.close().await;
    }
}
