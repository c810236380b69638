//! Signatures that gateways put on their webhooks. A valid one opens `/inbound` by itself: wuzapi
//! can't send an `Authorization` header.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// WAHA's signature: hex HMAC-SHA512 of the raw body.
pub const X_WEBHOOK_HMAC: HeaderName = HeaderName::from_static("x-webhook-hmac");
/// WAHA's name of the algorithm; it knows no other than `sha512`.
pub const X_WEBHOOK_HMAC_ALGORITHM: HeaderName =
    HeaderName::from_static("x-webhook-hmac-algorithm");
/// wuzapi's signature: hex HMAC-SHA256 of the raw body.
pub const X_HMAC_SIGNATURE: HeaderName = HeaderName::from_static("x-hmac-signature");

/// How a gateway signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `spec.source.gateway.signature.type: WahaHmac`.
    Waha,
    /// `spec.source.gateway.signature.type: WuzapiHmac`.
    Wuzapi,
}

/// A scheme with its key. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    scheme: Scheme,
    key: Zeroizing<Vec<u8>>,
}

/// What a request's headers claim; it proves nothing yet.
#[derive(Debug)]
pub struct Claim(Vec<u8>);

// === impl Signature ===

impl Signature {
    /// Signatures under `key`; `None` for an empty one, which everybody has.
    #[must_use]
    pub fn new(scheme: Scheme, key: &[u8]) -> Option<Self> {
        (!key.is_empty()).then(|| Self {
            scheme,
            key: Zeroizing::new(key.to_vec()),
        })
    }

    /// The signature in a request's headers, if there is one of this scheme and length. So a
    /// request that has none is refused before its body is read.
    #[must_use]
    pub fn claimed(&self, headers: &HeaderMap) -> Option<Claim> {
        let (name, length) = match self.scheme {
            Scheme::Waha => (X_WEBHOOK_HMAC, 64),
            Scheme::Wuzapi => (X_HMAC_SIGNATURE, 32),
        };
        let other_algorithm = self.scheme == Scheme::Waha
            && headers
                .get(X_WEBHOOK_HMAC_ALGORITHM)
                .is_some_and(|name| !name.as_bytes().eq_ignore_ascii_case(b"sha512"));
        let claimed = hex::decode(headers.get(name)?.as_bytes()).ok()?;
        (claimed.len() == length && !other_algorithm).then_some(Claim(claimed))
    }

    /// Whether the claim is the signature of the raw `body`, compared in constant time.
    #[must_use]
    pub fn verifies(&self, claim: &Claim, body: &[u8]) -> bool {
        let Claim(claimed) = claim;
        match self.scheme {
            Scheme::Waha => Hmac::<Sha512>::new_from_slice(&self.key)
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(claimed).is_ok()),
            Scheme::Wuzapi => Hmac::<Sha256>::new_from_slice(&self.key)
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(claimed).is_ok()),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:?})", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn opens(signature: &Signature, pairs: &[(HeaderName, &str)], body: &[u8]) -> bool {
        signature
            .claimed(&headers(pairs))
            .is_some_and(|claim| signature.verifies(&claim, body))
    }

    /// The body and signature of WAHA's documentation, under the key given there.
    #[test]
    fn wahas_published_example_is_valid() {
        let body = br#"{"event":"message","session":"default","engine":"WEBJS"}"#;
        let hex = "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8\
                   097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89";
        let waha = Signature::new(Scheme::Waha, b"my-secret-key").unwrap();
        assert!(opens(&waha, &[(X_WEBHOOK_HMAC, hex)], body));
        let named = [(X_WEBHOOK_HMAC, hex), (X_WEBHOOK_HMAC_ALGORITHM, "sha512")];
        assert!(opens(&waha, &named, body));
        let other = [(X_WEBHOOK_HMAC, hex), (X_WEBHOOK_HMAC_ALGORITHM, "sha256")];
        assert!(!opens(&waha, &other, body));
        assert!(!opens(&waha, &[(X_HMAC_SIGNATURE, hex)], body));
        assert!(!opens(&waha, &[(X_WEBHOOK_HMAC, hex)], b"{}"));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn wuzapis_is_plain_hmac_sha256() {
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let wuzapi = Signature::new(Scheme::Wuzapi, b"Jefe").unwrap();
        let body = b"what do ya want for nothing?";
        assert!(opens(&wuzapi, &[(X_HMAC_SIGNATURE, hex)], body));
        assert!(opens(
            &wuzapi,
            &[(X_HMAC_SIGNATURE, &hex.to_uppercase())],
            body
        ));
        for wrong in ["", "5b", &hex[2..], "zz", &hex.replace('5', "6")] {
            assert!(
                !opens(&wuzapi, &[(X_HMAC_SIGNATURE, wrong)], body),
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_empty_key_signs_nothing_and_none_is_shown() {
        assert_eq!(Signature::new(Scheme::Waha, b""), None);
        let shown = format!("{:?}", Signature::new(Scheme::Wuzapi, b"topsecret"));
        assert_eq!(shown, "Some(Signature(Wuzapi))");
    }
}
