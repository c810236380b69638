//! The hosts that blobs are fetched from: WhatsApp's own, or those that the operator gave.

use url::{Position, Url};

use super::error::ConfigError;
use crate::net::is_cdn_host;

/// WhatsApp's hosts, primary first. Bytes of a path are the same on both.
const DEFAULT_HOSTS: [&str; 2] = ["mmg.whatsapp.net", "mmg-fallback.whatsapp.net"];

/// Hosts that are taken of those that WhatsApp names: each may be asked three times.
const MOST_NAMED: usize = 3;

/// Scheme and authority of a host to fetch from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// `https://host` or with a port.
    pub(super) base: String,
    /// Host and port as shown in logs and errors.
    pub(super) authority: String,
    /// Without the brackets of an IPv6 literal.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// An origin that the operator gave.
    pub(super) fn given(url: &Url) -> Result<Self, ConfigError> {
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https");
        if bare && web {
            Self::of(url).ok_or(ConfigError::Origin)
        } else {
            Err(ConfigError::Origin)
        }
    }

    pub(super) fn of(url: &Url) -> Option<Self> {
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        Some(Self {
            base: format!("{}://{authority}", url.scheme()),
            authority: authority.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// A host of WhatsApp's by its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::of(&Url::parse(&format!("https://{name}")).ok()?)
            .filter(|origin| origin.host == name && origin.port == 443)
    }

    fn https(host: &str) -> Self {
        Self {
            base: format!("https://{host}"),
            authority: host.to_owned(),
            host: host.to_owned(),
            port: 443,
        }
    }
}

/// The hosts of this process.
#[derive(Debug)]
pub(super) struct Origins {
    /// Never empty.
    pub(super) list: Vec<Origin>,
    /// By the operator, instead of WhatsApp's own.
    pub(super) given: bool,
}

impl Origins {
    /// `given` as they are, or WhatsApp's hosts if there are none.
    pub(super) fn new(given: Vec<Origin>) -> Self {
        if given.is_empty() {
            Self {
                list: DEFAULT_HOSTS.map(Origin::https).into(),
                given: false,
            }
        } else {
            Self {
                list: given,
                given: true,
            }
        }
    }

    /// The hosts of `names` that are WhatsApp's own, in their order, before those that always are. What
    /// the operator gave stands.
    pub(super) fn over(&self, names: &[String]) -> Self {
        let mut list = Vec::new();
        if !self.given {
            let own = names.iter().filter(|name| is_cdn_host(name));
            list.extend(own.filter_map(|name| Origin::named(name)).take(MOST_NAMED));
        }
        for origin in &self.list {
            if !list.contains(origin) {
                list.push(origin.clone());
            }
        }
        Self {
            list,
            given: self.given,
        }
    }

    /// Host and port of the given origins, which are dialled at any address.
    pub(super) fn trusted(&self) -> Vec<(String, u16)> {
        let given = self.list.iter().filter(|_| self.given);
        given
            .map(|origin| (origin.host.clone(), origin.port))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(origins: &Origins, names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let over = origins.over(&names).list;
        over.into_iter().map(|origin| origin.base).collect()
    }

    #[test]
    fn hosts_that_whatsapp_names_come_before_the_usual_ones() {
        let usual = Origins::new(Vec::new());
        let named = ["media-fra5-2.cdn.whatsapp.net", "mmg.whatsapp.net"];
        assert_eq!(
            hosts(&usual, &named),
            [
                "https://media-fra5-2.cdn.whatsapp.net",
                "https://mmg.whatsapp.net",
                "https://mmg-fallback.whatsapp.net"
            ]
        );
        assert_eq!(hosts(&usual, &[]).len(), 2);
    }

    #[test]
    fn only_whatsapps_own_hosts_are_taken_and_few_of_them() {
        let usual = Origins::new(Vec::new());
        for other in [
            "evil.example.com",
            "whatsapp.net.evil.example",
            "evil.example/.whatsapp.net",
            "user@a.whatsapp.net",
            "a.whatsapp.net:8443",
            "a.whatsapp.net/path?x=.whatsapp.net",
            "",
        ] {
            assert_eq!(hosts(&usual, &[other]).len(), 2, "{other}");
        }
        let many: Vec<String> = (0..9).map(|n| format!("m{n}.whatsapp.net")).collect();
        assert_eq!(usual.over(&many).list.len(), MOST_NAMED + 2);
    }

    #[test]
    fn what_the_operator_gave_stands() {
        let given = Origin::given(&"http://127.0.0.1:81".parse().unwrap()).unwrap();
        let origins = Origins::new(vec![given]);
        assert_eq!(
            hosts(&origins, &["media-fra5-2.cdn.whatsapp.net"]),
            ["http://127.0.0.1:81"]
        );
    }
}
