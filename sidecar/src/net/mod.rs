//! The one way out: every outgoing connection of this process is dialled by [`Connector`], which
//! checks the address it dials. No proxies, no redirects, HTTP/1.1 only.

mod address;
mod client;
mod connector;
mod dial;
mod error;
mod policy;
mod start;
mod stream;
mod tls;

pub use address::{AddressClass, canonical, classify};
pub use client::{Client, DEFAULT_MAX_BUF, USER_AGENT, client};
pub use connector::Connector;
pub(crate) use connector::is_cdn_host;
pub use error::{ConnectError, ConnectErrorKind, NetError};
pub use policy::{AddressPolicy, Purpose, Refusal, pod_addresses};
pub use start::start_of;
pub use stream::Stream;
pub use tls::tls_config;

#[cfg(test)]
mod tests;
