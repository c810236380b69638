//! What a session's pods may send and receive.
//!
//! Out: names, the internet at the ports that the resources name, their own namespace, what the platform team opened.
//! In: the API from anywhere, since its keys guard it; the admin port from the operator and what scrapes metrics.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule,
        NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{ADMIN_PORT, API_PORT, deployment::selector, metadata};
use crate::{
    session::validate::{Network, ValidatedSession},
    settings::Settings,
};

/// The internet of each family, and what of its range is no internet: private, shared, loopback, link-local (where
/// the metadata services of clouds are), documentation, multicast and reserved.
const INTERNET: [(&str, &[&str]); 2] = [
    (
        "0.0.0.0/0",
        &[
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "224.0.0.0/3",
        ],
    ),
    ("::/0", &["::1/128", "fc00::/7", "fe80::/10", "ff00::/8"]),
];
/// Where a node's agent hands out short-lived credentials (EKS Pod Identity).
const IDENTITY_AGENT: [&str; 2] = ["169.254.170.23/32", "fd00:ec2::23/128"];
const IDENTITY_PORT: i32 = 80;
const DNS_PORT: i32 = 53;
const HTTPS_PORT: u16 = 443;
/// Label that every namespace has by itself.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The policy. `kept` are ports that stay open although nothing names them any more.
pub(super) fn build(
    session: &ValidatedSession,
    network: &Network,
    settings: &Settings,
    kept: &BTreeSet<u16>,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(session),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(selector(session)),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(network, settings)),
            egress: Some(egress(network, settings, kept)),
        }),
    }
}

/// The ports at which a policy lets pods speak to the internet.
#[must_use]
pub fn internet_ports(policy: &NetworkPolicy) -> BTreeSet<u16> {
    let rules = policy
        .spec
        .iter()
        .flat_map(|spec| spec.egress.iter().flatten());
    rules
        .filter(|rule| rule.to.as_ref() == Some(&internet()))
        .flat_map(|rule| rule.ports.iter().flatten())
        .filter_map(|port| match port.port {
            Some(IntOrString::Int(number)) => u16::try_from(number).ok(),
            _ => None,
        })
        .collect()
}

fn egress(
    network: &Network,
    settings: &Settings,
    kept: &BTreeSet<u16>,
) -> Vec<NetworkPolicyEgressRule> {
    let mut ports = &network.ports | kept;
    ports.insert(HTTPS_PORT);
    let mut rules = vec![
        NetworkPolicyEgressRule {
            to: None,
            ports: Some(vec![port("UDP", DNS_PORT), port("TCP", DNS_PORT)]),
        },
        NetworkPolicyEgressRule {
            to: Some(internet()),
            ports: Some(
                ports
                    .into_iter()
                    .map(|number| port("TCP", number.into()))
                    .collect(),
            ),
        },
        NetworkPolicyEgressRule {
            to: Some(vec![NetworkPolicyPeer {
                pod_selector: Some(LabelSelector::default()),
                ..NetworkPolicyPeer::default()
            }]),
            ports: None,
        },
    ];
    // Where the sidecar may dial, the network lets it.
    let opened: BTreeSet<&IpNet> = settings
        .egress_cidrs
        .iter()
        .chain(&settings.allow_cidrs)
        .collect();
    if !opened.is_empty() {
        let peers = opened
            .into_iter()
            .map(|range| block(&range.to_string(), &[]));
        rules.push(NetworkPolicyEgressRule {
            to: Some(peers.collect()),
            ports: None,
        });
    }
    if network.workload_identity {
        rules.push(NetworkPolicyEgressRule {
            to: Some(IDENTITY_AGENT.map(|range| block(range, &[])).into()),
            ports: Some(vec![port("TCP", IDENTITY_PORT)]),
        });
    }
    rules.extend(network.policy.extra_egress.iter().cloned());
    rules
}

fn ingress(network: &Network, settings: &Settings) -> Vec<NetworkPolicyIngressRule> {
    let monitoring = settings.monitoring_namespace.iter();
    let namespaces: BTreeSet<_> = monitoring.chain([&settings.operator_namespace]).collect();
    let mut rules = vec![
        NetworkPolicyIngressRule {
            from: None,
            ports: Some(vec![port("TCP", API_PORT)]),
        },
        NetworkPolicyIngressRule {
            from: Some(namespaces.into_iter().map(|name| namespace(name)).collect()),
            ports: Some(vec![port("TCP", ADMIN_PORT)]),
        },
    ];
    rules.extend(network.policy.extra_ingress.iter().cloned());
    rules
}

fn internet() -> Vec<NetworkPolicyPeer> {
    INTERNET
        .iter()
        .map(|(range, except)| block(range, except))
        .collect()
}

fn block(range: &str, except: &[&str]) -> NetworkPolicyPeer {
    let except: Vec<_> = except.iter().map(|&range| range.to_owned()).collect();
    NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: range.to_owned(),
            except: (!except.is_empty()).then_some(except),
        }),
        ..NetworkPolicyPeer::default()
    }
}

fn namespace(name: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([(
                NAMESPACE_NAME.to_owned(),
                name.to_owned(),
            )])),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    }
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    }
}
