//! The hosts that blobs are fetched from: WhatsApp's own, or those that the operator gave.

use url::{Position, Url};

use super::error::ConfigError;

/// WhatsApp's hosts, primary first. Bytes of a path are the same on both.
const DEFAULT_HOSTS: [&str; 2] = ["mmg.whatsapp.net", "mmg-fallback.whatsapp.net"];
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

    /// Host and port of the given origins, which are dialled at any address.
    pub(super) fn trusted(&self) -> Vec<(String, u16)> {
        let given = self.list.iter().filter(|_| self.given);
        given
            .map(|origin| (origin.host.clone(), origin.port))
            .collect()
    }
}
