//! What kind of address an IP is, after every embedding of IPv4 in IPv6 is taken off. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Where an address leads. Ranges: the IANA special-purpose registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Globally routable.
    Public,
    /// RFC 1918, carrier-grade NAT (100.64/10), unique-local and site-local IPv6.
    Private,
    /// 127/8 and `::1`.
    Loopback,
    /// 169.254/16 and `fe80::/10`.
    LinkLocal,
    /// A cloud's instance metadata service, wherever its range is.
    Metadata,
    /// 0/8 and `::`: Linux dials itself.
    Unspecified,
    /// Multicast and broadcast.
    Multicast,
    /// Documentation, benchmarking, protocol assignments, tunnels, unallocated space.
    Reserved,
}

/// Metadata services outside link-local, or in it but worth the sharper name.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // Alibaba Cloud, Azure's wire server, Oracle Cloud.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // AWS and Google Cloud over IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Ranges in the order they are tried; the first that contains the address decides.
const V4_RANGES: [(Ipv4Net, AddressClass); 17] = [
    (v4(0, 0, 0, 0, 8), AddressClass::Unspecified),
    (v4(127, 0, 0, 0, 8), AddressClass::Loopback),
    (v4(169, 254, 0, 0, 16), AddressClass::LinkLocal),
    (v4(10, 0, 0, 0, 8), AddressClass::Private),
    (v4(172, 16, 0, 0, 12), AddressClass::Private),
    (v4(192, 168, 0, 0, 16), AddressClass::Private),
    (v4(100, 64, 0, 0, 10), AddressClass::Private),
    (v4(224, 0, 0, 0, 4), AddressClass::Multicast),
    (v4(255, 255, 255, 255, 32), AddressClass::Multicast),
    (v4(192, 0, 0, 0, 24), AddressClass::Reserved),
    (v4(192, 0, 2, 0, 24), AddressClass::Reserved),
    (v4(198, 51, 100, 0, 24), AddressClass::Reserved),
    (v4(203, 0, 113, 0, 24), AddressClass::Reserved),
    (v4(198, 18, 0, 0, 15), AddressClass::Reserved),
    (v4(192, 88, 99, 0, 24), AddressClass::Reserved),
    (v4(192, 31, 196, 0, 24), AddressClass::Reserved),
    (v4(240, 0, 0, 0, 4), AddressClass::Reserved),
];

/// As [`V4_RANGES`]; what is in none of these and not in `2000::/3` is reserved.
const V6_RANGES: [(Ipv6Net, AddressClass); 8] = [
    (v6([0xfe80, 0], 10), AddressClass::LinkLocal),
    (v6([0xfc00, 0], 7), AddressClass::Private),
    (v6([0xfec0, 0], 10), AddressClass::Private),
    (v6([0xff00, 0], 8), AddressClass::Multicast),
    // Teredo, ORCHID, benchmarking and the other protocol assignments.
    (v6([0x2001, 0], 23), AddressClass::Reserved),
    (v6([0x2001, 0xdb8], 32), AddressClass::Reserved),
    (v6([0x3fff, 0], 20), AddressClass::Reserved),
    (v6([0x2000, 0], 3), AddressClass::Public),
];

/// Takes off every form in which IPv6 carries an IPv4 address that the packet may end up at:
/// mapped, compatible, translated (SIIT), NAT64 (`64:ff9b::/96`) and 6to4.
#[must_use]
pub fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => embedded(high, low),
        _ => ip,
    }
}

/// Classifies the address a packet to `ip` would reach.
#[must_use]
pub fn classify(ip: IpAddr) -> AddressClass {
    let ip = canonical(ip);
    if METADATA.contains(&ip) {
        return AddressClass::Metadata;
    }
    match ip {
        IpAddr::V4(ip) => first_match(&V4_RANGES, |net| net.contains(&ip), AddressClass::Public),
        IpAddr::V6(ip) if ip.is_loopback() => AddressClass::Loopback,
        IpAddr::V6(ip) if ip.is_unspecified() => AddressClass::Unspecified,
        IpAddr::V6(ip) => first_match(&V6_RANGES, |net| net.contains(&ip), AddressClass::Reserved),
    }
}

/// Whether one of `nets` contains `ip`, both sides without embeddings.
pub(super) fn contained(nets: &[IpNet], ip: IpAddr) -> bool {
    let bare = canonical(ip);
    nets.iter()
        .any(|net| net.contains(&bare) || net.contains(&ip))
}

fn first_match<N>(
    ranges: &[(N, AddressClass)],
    contains: impl Fn(&N) -> bool,
    otherwise: AddressClass,
) -> AddressClass {
    ranges
        .iter()
        .find(|(net, _)| contains(net))
        .map_or(otherwise, |(_, class)| *class)
}

fn embedded(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 2], prefix: u8) -> Ipv6Net {
    let [a, b] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}
