//! A proxy's URL. It is a credential, and therefore in no log and no error.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// A URL that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyUrlError {
    /// The file.
    #[error("the file with the proxy's URL can't be read")]
    Read(#[source] std::io::Error),
    /// What is in it.
    #[error("the proxy's URL is none: expected http, https or socks5")]
    Invalid,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    /// HTTP over TLS.
    Https,
    Socks5,
}

/// A proxy.
pub(crate) struct Proxy {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password.
    pub(crate) login: Option<(String, String)>,
}

impl Proxy {
    /// Reads the URL as it is now: a mounted Secret changes while the program runs.
    pub(crate) async fn read(path: &Path) -> Result<Self, ProxyUrlError> {
        let url = tokio::fs::read_to_string(path)
            .await
            .map_err(ProxyUrlError::Read)?;
        Self::parse(url.trim()).ok_or(ProxyUrlError::Invalid)
    }

    fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let (scheme, usual) = match url.scheme_str()? {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" | "socks5h" => (Scheme::Socks5, 1080),
            _ => return None,
        };
        let authority = url.authority()?;
        let login = match authority.as_str().rsplit_once('@') {
            Some((login, _)) => Some(self::login(login)?),
            None => None,
        };
        let host = authority.host();
        if host.is_empty() {
            return None;
        }
        Some(Self {
            scheme,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(usual),
            login,
        })
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.login.as_ref()?;
        let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let mut value = HeaderValue::from_str(&format!("Basic {login}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What is special in a URL is written in percent there.
fn login(text: &str) -> Option<(String, String)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let plain = |text| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    Some((plain(user)?, plain(password)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_proxy_and_who_may_use_it() {
        let proxy = Proxy::parse("socks5://user:p%40ss%3A@proxy.example:9050").unwrap();
        assert_eq!(
            (proxy.scheme, proxy.host.as_str(), proxy.port),
            (Scheme::Socks5, "proxy.example", 9050)
        );
        assert_eq!(proxy.login, Some(("user".to_owned(), "p@ss:".to_owned())));
        for (url, scheme, port) in [
            ("http://proxy", Scheme::Http, 80),
            ("https://proxy/", Scheme::Https, 443),
            ("socks5h://proxy", Scheme::Socks5, 1080),
        ] {
            let proxy = Proxy::parse(url).unwrap();
            assert_eq!((proxy.scheme, proxy.port), (scheme, port));
            assert!(proxy.login.is_none());
        }
    }

    #[test]
    fn a_login_is_sent_as_it_was_meant() {
        let proxy = Proxy::parse("http://Aladdin:open%20sesame@proxy").unwrap();
        assert_eq!(
            proxy.authorization().unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn what_names_no_proxy_is_refused() {
        for wrong in [
            "",
            "proxy",
            "proxy:3128",
            "ftp://proxy",
            "http://",
            "http://user@",
            "socks4://proxy",
        ] {
            assert!(Proxy::parse(wrong).is_none(), "{wrong}");
        }
    }
}
