//! The HTTP client over the guarded connector, with buffers that fit the memory budget.

use std::time::Duration;

use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};

use super::connector::Connector;

/// Read buffer of one connection, bytes. hyper's own default (about 400 KiB) breaks the budget
/// of 64 transfers at once.
pub const DEFAULT_MAX_BUF: usize = 64 * 1024;

/// How the program names itself to others than WhatsApp.
pub const USER_AGENT: &str = concat!("titan-sidecar/", env!("CARGO_PKG_VERSION"));

/// hyper refuses a smaller buffer.
const LEAST_MAX_BUF: usize = 8 * 1024;
/// An idle connection costs its buffers: keep few, not long.
const IDLE_PER_HOST: usize = 8;
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// A client whose every connection is made by [`Connector`].
pub type Client<B> = legacy::Client<Connector, B>;

/// Builds a client: HTTP/1.1, no redirects, no proxies, at most `max_buf` bytes (at least 8 KiB)
/// of read buffer a connection.
#[must_use]
pub fn client<B>(connector: Connector, max_buf: usize) -> Client<B>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(max_buf.max(LEAST_MAX_BUF))
        .build(connector)
}
