//! Which address is of which class, and who may dial it.

use super::*;

#[test]
fn every_special_range_has_its_class() {
    use AddressClass::{
        LinkLocal, Loopback, Metadata, Multicast, Private, Public, Reserved, Unspecified,
    };
    let table = [
        ("8.8.8.8", Public),
        ("157.240.0.60", Public),
        ("2a03:2880::1", Public),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("172.32.0.1", Public),
        ("192.168.1.1", Private),
        ("100.64.0.1", Private),
        ("100.127.255.255", Private),
        ("100.128.0.1", Public),
        ("fd00::1", Private),
        ("fc00::1", Private),
        ("fec0::1", Private),
        ("127.0.0.1", Loopback),
        ("127.255.255.255", Loopback),
        ("::1", Loopback),
        ("169.254.1.1", LinkLocal),
        ("fe80::1", LinkLocal),
        ("febf::1", LinkLocal),
        ("169.254.169.254", Metadata),
        ("100.100.100.200", Metadata),
        ("168.63.129.16", Metadata),
        ("fd00:ec2::254", Metadata),
        ("0.0.0.0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("::", Unspecified),
        ("224.0.0.1", Multicast),
        ("239.255.255.255", Multicast),
        ("255.255.255.255", Multicast),
        ("ff02::1", Multicast),
        ("192.0.2.1", Reserved),
        ("198.51.100.1", Reserved),
        ("203.0.113.1", Reserved),
        ("198.18.0.1", Reserved),
        ("198.19.255.255", Reserved),
        ("240.0.0.1", Reserved),
        ("192.0.0.8", Reserved),
        ("2001:db8::1", Reserved),
        ("2001::1", Reserved),
        ("3fff::1", Reserved),
        ("100::1", Reserved),
        ("64:ff9b:1::a00:1", Reserved),
        ("5f00::1", Reserved),
    ];
    for (text, class) in table {
        assert_eq!(classify(ip(text)), class, "{text}");
    }
}

#[test]
fn embedded_ipv4_is_judged_as_ipv4() {
    let table = [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::127.0.0.1", "127.0.0.1"),
        ("::ffff:0:169.254.169.254", "169.254.169.254"),
        ("64:ff9b::10.0.0.1", "10.0.0.1"),
        ("2002:7f00:1::1", "127.0.0.1"),
        ("2002:a9fe:a9fe::", "169.254.169.254"),
        ("::1", "::1"),
        ("2a03:2880::1", "2a03:2880::1"),
    ];
    for (text, bare) in table {
        assert_eq!(canonical(ip(text)), ip(bare), "{text}");
    }
    assert_eq!(classify(ip("64:ff9b::8.8.8.8")), AddressClass::Public);
}

#[test]
fn webhooks_and_cdn_reach_public_addresses_and_allowed_ranges() {
    let policy = policy(&["10.0.0.0/8", "127.0.0.0/8"], false);
    for purpose in [Purpose::Webhook, Purpose::Cdn] {
        for good in [
            "8.8.8.8",
            "2a03:2880::1",
            "10.9.9.9",
            "127.0.0.1",
            "::ffff:10.9.9.9",
        ] {
            assert_eq!(policy.check(ip(good), purpose), Ok(()), "{good}");
        }
        for bad in ["192.168.0.1", "::1", "fd00::1", "100.64.0.1", "198.18.0.1"] {
            assert!(policy.check(ip(bad), purpose).is_err(), "{bad}");
        }
    }
}

#[test]
fn buckets_reach_private_networks_but_not_the_machine_itself() {
    let policy = policy(&[], false);
    for good in [
        "8.8.8.8",
        "10.9.9.9",
        "192.168.0.1",
        "fd12::1",
        "100.64.0.1",
    ] {
        assert_eq!(policy.check(ip(good), Purpose::Bucket), Ok(()), "{good}");
    }
    for bad in [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fd00:ec2::254",
        "224.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
    ] {
        assert!(policy.check(ip(bad), Purpose::Bucket).is_err(), "{bad}");
    }
}

#[test]
fn no_allowed_range_opens_metadata_link_local_or_unspecified() {
    let policy = policy(&["0.0.0.0/0", "::/0"], false);
    for bad in [
        "169.254.169.254",
        "169.254.7.7",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "fe80::1",
    ] {
        for purpose in [Purpose::Bucket, Purpose::Webhook] {
            assert!(policy.check(ip(bad), purpose).is_err(), "{bad}");
        }
    }
}

#[test]
fn in_a_pod_loopback_the_pod_and_the_kubernetes_api_stay_refused() {
    let open = policy(&["0.0.0.0/0", "::/0"], true);
    for purpose in [Purpose::Bucket, Purpose::Webhook, Purpose::Cdn] {
        for bad in ["127.0.0.1", "::1"] {
            assert_eq!(
                open.check(ip(bad), purpose),
                Err(Refusal::Class(AddressClass::Loopback))
            );
        }
        for bad in ["10.1.2.3", "::ffff:10.1.2.3", "10.96.0.1", "fd12::9"] {
            assert_eq!(open.check(ip(bad), purpose), Err(Refusal::Pod), "{bad}");
        }
        assert_eq!(open.check(ip("10.1.2.4"), purpose), Ok(()));
    }
}

#[test]
fn plain_http_needs_an_allowed_range_for_webhooks() {
    let policy = policy(&["10.0.0.0/8"], false);
    assert_eq!(
        policy.check_plain_http(ip("10.1.1.1"), Purpose::Webhook),
        Ok(())
    );
    assert!(
        policy
            .check_plain_http(ip("8.8.8.8"), Purpose::Webhook)
            .is_err()
    );
    assert!(
        policy
            .check_plain_http(ip("10.1.1.1"), Purpose::Cdn)
            .is_err()
    );
    assert_eq!(
        policy.check_plain_http(ip("8.8.8.8"), Purpose::Bucket),
        Ok(())
    );
}

#[test]
fn pod_addresses_come_from_the_environment() {
    let env = |name: &str| match name {
        "POD_IPS" => Some("10.1.2.3, fd12::9".to_owned()),
        "KUBERNETES_SERVICE_HOST" => Some("10.96.0.1".to_owned()),
        "POD_IP" => Some("not an address".to_owned()),
        _ => None,
    };
    assert_eq!(
        pod_addresses(env),
        [ip("10.1.2.3"), ip("fd12::9"), ip("10.96.0.1")]
    );
}

#[test]
fn in_a_pod_webhooks_reach_services_of_their_own_namespace() {
    let policy = policy(&[], true);
    policy.open_services_of("acme");
    let check = |host, address, tls| policy.check_host(host, ip(address), Purpose::Webhook, tls);
    for own in [
        "app.acme.svc",
        "app.acme.svc.",
        "app.acme.svc.cluster.local",
        "a.b.acme.svc",
    ] {
        assert_eq!(check(own, "10.96.7.7", false), Ok(()), "{own}");
        for bad in [
            "10.1.2.3",
            "10.96.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "fd12::9",
        ] {
            assert!(check(own, bad, false).is_err(), "{own} at {bad}");
        }
        assert!(check(own, "8.8.8.8", false).is_err(), "public needs https");
    }
    let others = [
        "app.other.svc",
        "app.acme.svc.evil.example",
        "acme.svc",
        ".acme.svc",
        "app",
        "x-acme.svc",
    ];
    for other in others {
        assert!(check(other, "10.96.7.7", true).is_err(), "{other}");
    }
    let standalone = AddressPolicy::default();
    standalone.open_services_of("acme");
    let outside = standalone.check_host("app.acme.svc", ip("10.96.7.7"), Purpose::Webhook, true);
    assert!(outside.is_err());
}
