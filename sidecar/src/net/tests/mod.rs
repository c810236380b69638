//! The address rules as tables, and the connector on loopback.

mod addresses;
mod dialling;

use std::net::IpAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn policy(allow: &[&str], in_pod: bool) -> AddressPolicy {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    AddressPolicy::new(
        allow,
        in_pod,
        vec![ip("10.1.2.3"), ip("10.96.0.1"), ip("fd12::9")],
    )
}
