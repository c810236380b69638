//! Which addresses may be dialled, and for what. Pure: the connector asks for every address.

use std::{net::IpAddr, sync::OnceLock};

use ipnet::IpNet;

use super::address::{AddressClass, canonical, classify, contained};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// WhatsApp's CDN: hosts under `whatsapp.net`, or origins that the operator gave.
    Cdn,
    /// A tenant's bucket: private networks are usual, the machine itself is not.
    Bucket,
    /// A tenant's database: as a bucket.
    Database,
    /// A tenant's webhook, or the gateway that it sends through: public addresses, or a range that the
    /// operator allows.
    Webhook,
    /// A file that a caller names by its link: as a webhook, but no Service of the session's namespace.
    Link,
}

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The class of the address is not allowed for this purpose.
    #[error("{0} addresses are not allowed")]
    Class(AddressClass),
    /// In a pod: the pod itself or the Kubernetes API.
    #[error("the address of this pod or of the Kubernetes API is not allowed")]
    Pod,
    /// `http://` to an address outside the allowed ranges.
    #[error("plain http is only allowed to allowed ranges")]
    PlainHttp,
    /// A CDN host outside `whatsapp.net` that is no given origin.
    #[error("the host is no CDN host")]
    Host,
}

/// The rules for outgoing addresses; one per process.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
    in_pod: bool,
    pod_addresses: Vec<IpAddr>,
    /// `.{namespace}.svc` and `.{namespace}.svc.cluster.local`.
    services: OnceLock<[String; 2]>,
}

impl AddressPolicy {
    /// `allow`: ranges that the operator opened (`--allow-cidr`). `in_pod`: refuse loopback and
    /// `pod_addresses` (see [`pod_addresses`]) whatever `allow` says.
    #[must_use]
    pub fn new(allow: Vec<IpNet>, in_pod: bool, pod_addresses: Vec<IpAddr>) -> Self {
        let pod_addresses = pod_addresses.into_iter().map(canonical).collect();
        Self {
            allow,
            in_pod,
            pod_addresses,
            services: OnceLock::new(),
        }
    }

    /// In a pod: webhooks may also go to Services of `namespace`, the session's own, over http
    /// too. Only the full names count (`name.namespace.svc`): those no public zone can answer. A pod
    /// serves one namespace, so the first one stays.
    pub fn open_services_of(&self, namespace: &str) {
        let zones = ["svc", "svc.cluster.local"];
        let _first = self
            .services
            .get_or_init(|| zones.map(|zone| format!(".{namespace}.{zone}")));
    }

    /// Whether `ip`, an address of `host` (lower case), may be dialled for `purpose`, with or
    /// without TLS. All of the rules.
    pub fn check_host(
        &self,
        host: &str,
        ip: IpAddr,
        purpose: Purpose,
        tls: bool,
    ) -> Result<(), Refusal> {
        let own_service = self.in_pod
            && purpose == Purpose::Webhook
            && classify(ip) == AddressClass::Private
            && self.is_own_service(host);
        let rules = if own_service {
            Purpose::Bucket
        } else {
            purpose
        };
        self.check(ip, rules)?;
        if tls {
            Ok(())
        } else {
            self.check_plain_http(ip, rules)
        }
    }

    fn is_own_service(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.services.get().into_iter().flatten().any(|zone| {
            host.strip_suffix(zone.as_str())
                .is_some_and(|name| !name.is_empty())
        })
    }

    /// Whether `ip` may be dialled for `purpose`.
    ///
    /// Metadata services, link-local, unspecified and multicast addresses never may, whatever is
    /// allowed: no bucket or webhook lives there. Loopback may only through `allow`, and never in
    /// a pod.
    pub fn check(&self, ip: IpAddr, purpose: Purpose) -> Result<(), Refusal> {
        let class = classify(ip);
        if self.in_pod && self.pod_addresses.contains(&canonical(ip)) {
            return Err(Refusal::Pod);
        }
        let permitted = match class {
            AddressClass::Public => true,
            AddressClass::Metadata
            | AddressClass::LinkLocal
            | AddressClass::Unspecified
            | AddressClass::Multicast => false,
            AddressClass::Loopback => !self.in_pod && contained(&self.allow, ip),
            AddressClass::Private | AddressClass::Reserved => {
                matches!(purpose, Purpose::Bucket | Purpose::Database) || contained(&self.allow, ip)
            }
        };
        if permitted {
            Ok(())
        } else {
            Err(Refusal::Class(class))
        }
    }

    /// Whether `ip` may be spoken to without TLS: buckets and databases always, webhooks within the allowed
    /// ranges, the CDN never (an origin given by the operator is not asked here).
    pub fn check_plain_http(&self, ip: IpAddr, purpose: Purpose) -> Result<(), Refusal> {
        match purpose {
            Purpose::Bucket | Purpose::Database => Ok(()),
            Purpose::Webhook | Purpose::Link if contained(&self.allow, ip) => Ok(()),
            Purpose::Webhook | Purpose::Link | Purpose::Cdn => Err(Refusal::PlainHttp),
        }
    }
}

/// The addresses that `--in-pod` refuses, from the pod's environment: `POD_IP`, `POD_IPS` (comma
/// separated, from the downward API) and `KUBERNETES_SERVICE_HOST`. What does not parse is left out.
#[must_use]
pub fn pod_addresses(env: impl Fn(&str) -> Option<String>) -> Vec<IpAddr> {
    ["POD_IP", "POD_IPS", "KUBERNETES_SERVICE_HOST"]
        .into_iter()
        .filter_map(env)
        .flat_map(|value| {
            let parsed = |part: &str| part.trim().trim_matches(['[', ']']).parse().ok();
            value.split(',').filter_map(parsed).collect::<Vec<IpAddr>>()
        })
        .collect()
}

impl std::fmt::Display for AddressClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Metadata => "instance metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}
