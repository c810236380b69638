//! The API port: TCP, or TLS with the certificate of the moment. A renewed one is served from the
//! next connection on.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::serve;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Timeout, timeout},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

use crate::config::Certificate;

/// Longest handshake. It is made by the connection's own task, so that a silent client keeps nobody
/// else waiting.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How connections are taken.
#[derive(Debug, Clone, Default)]
pub enum Door {
    /// As they are.
    Plain,
    /// Not at all: TLS is asked for and there is no certificate yet, or no configuration was read yet,
    /// which may ask for it. Nothing is ever served in plain text instead.
    #[default]
    Closed,
    /// With TLS.
    Tls(Certificate),
}

/// The API port's listener.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    door: watch::Receiver<Door>,
}

impl Listener {
    /// Takes connections from `tcp` as `door` says when they come.
    #[must_use]
    pub fn new(tcp: TcpListener, door: watch::Receiver<Door>) -> Self {
        Self { tcp, door }
    }
}

impl serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, peer) = serve::Listener::accept(&mut self.tcp).await;
            match self.door.borrow().clone() {
                Door::Plain => return (Connection(State::Plain(stream)), peer),
                Door::Tls(certificate) => {
                    return (Connection::handshake(certificate.server, stream), peer);
                }
                Door::Closed => {
                    tracing::debug!(
                        "connection refused: no certificate, or no configuration was read yet"
                    );
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// An accepted connection. With TLS, the first read or write completes the handshake.
pub struct Connection(State);

enum State {
    Plain(TcpStream),
    Handshake(Pin<Box<Timeout<Accept<TcpStream>>>>),
    Tls(Box<TlsStream<TcpStream>>),
    /// The handshake failed.
    Broken,
}

impl Connection {
    fn handshake(config: Arc<ServerConfig>, stream: TcpStream) -> Self {
        let accept = TlsAcceptor::from(config).accept(stream);
        Self(State::Handshake(Box::pin(timeout(HANDSHAKE, accept))))
    }

    /// Completes the handshake, if there is one to make.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Handshake(accept) = &mut self.0 else {
            return Poll::Ready(Ok(()));
        };
        let result = ready!(accept.as_mut().poll(cx)).unwrap_or_else(|_| Err(timed_out()));
        Poll::Ready(match result {
            Ok(stream) => {
                self.0 = State::Tls(Box::new(stream));
                Ok(())
            }
            Err(error) => {
                self.0 = State::Broken;
                Err(error)
            }
        })
    }

    /// The open stream, once the handshake is done.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Stream>>> {
        ready!(self.poll_open(cx))?;
        Poll::Ready(match &mut self.0 {
            State::Plain(stream) => Ok(Pin::new(stream)),
            State::Tls(stream) => Ok(Pin::new(&mut **stream)),
            State::Handshake(_) | State::Broken => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// Bytes in both directions.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "TLS handshake")
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            // Nothing was said yet.
            State::Handshake(_) | State::Broken => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            State::Plain(stream) => stream.is_write_vectored(),
            State::Tls(stream) => stream.is_write_vectored(),
            State::Handshake(_) | State::Broken => false,
        }
    }
}
