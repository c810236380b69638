//! From a URI to a TCP connection: what it asks for, its addresses, the first that answers.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use http::Uri;
use tokio::{net::TcpStream, time};

use super::error::ConnectError;

/// Head start of one address over the next (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// The last address has no next one; the connector's time-out ends it.
const LAST: Duration = Duration::from_mins(1);

/// What a URI asks for.
pub(super) struct Target {
    /// Lower case, without the brackets of an IPv6 literal.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Target {
    /// Fails without a host or with another scheme than http and https.
    pub(super) fn of(uri: &Uri) -> Result<Self, ConnectError> {
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConnectError::Uri),
        };
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or(ConnectError::Uri)?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Ok(Self {
            host: bare.unwrap_or(host).to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
        })
    }

    /// The host's addresses, IPv6 and IPv4 in turn, the resolver's order kept within each.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let (first, second): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
        let ordered = interleave(first, second);
        if ordered.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the name has no address",
            ));
        }
        Ok(ordered)
    }
}

/// One of each in turn, then what is left.
pub(super) fn interleave<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return ordered,
            (a, b) => ordered.extend(a.into_iter().chain(b)),
        }
    }
}

/// Dials one address after the other, each with a head start, and keeps the first that answers.
pub(super) async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut dialling = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        match waiting.next() {
            Some(address) => dialling.push(TcpStream::connect(address)),
            None if dialling.is_empty() => return Err(last),
            None => {}
        }
        let head_start = if waiting.len() == 0 { LAST } else { STAGGER };
        match time::timeout(head_start, dialling.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => last = error,
            Ok(None) | Err(_) => {}
        }
    }
}
