//! The two signatures of a delivery: Titan's own header and Standard Webhooks' three.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

use super::secret::Secret;

/// `sha256=` and the lower-case hex HMAC-SHA256 of the raw body.
pub const X_WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");
/// The event id: the same on every attempt, so a receiver can tell a repetition.
pub const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
/// Time of this attempt, Unix seconds.
pub const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`.
pub const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Headers that sign `body` (the exact bytes sent) as delivery `id` at `timestamp` (Unix seconds).
///
/// Without a key there is no signature header; id and timestamp are there all the same, because a
/// receiver tells repetitions by them. An id that is no header value (never one of ours) gives no
/// `webhook-id`.
#[must_use]
pub fn sign(secret: Option<&Secret>, id: &str, timestamp: i64, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(WEBHOOK_ID, id);
    }
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp));
    let Some(secret) = secret else {
        return headers;
    };
    let plain = format!("sha256={}", hex::encode(hmac(secret, &[body])));
    let stamp = format!("{id}.{timestamp}.");
    let standard = STANDARD.encode(hmac(secret, &[stamp.as_bytes(), body]));
    let standard = format!("v1,{standard}");
    for (name, value) in [(X_WEBHOOK_SIGNATURE, plain), (WEBHOOK_SIGNATURE, standard)] {
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

fn hmac(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new(secret.block().into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(key: &str, id: &str, timestamp: i64, body: &str) -> Vec<(String, String)> {
        let secret = Secret::parse(key.as_bytes()).unwrap();
        sign(Some(&secret), id, timestamp, body.as_bytes())
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
        &headers.iter().find(|(n, _)| n == name).unwrap().1
    }

    /// The example that Standard Webhooks publishes; the hex value by Python's `hmac`.
    #[test]
    fn standard_webhooks_own_example_gives_its_published_signature() {
        let key = ["whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"].concat();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let headers = signed(&key, id, 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(header(&headers, "webhook-id"), id);
        assert_eq!(header(&headers, "webhook-timestamp"), "1614265330");
        assert_eq!(
            header(&headers, "webhook-signature"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(
            header(&headers, "x-webhook-signature"),
            "sha256=e2cb4f5251572539d458bfb8a7adb533b08801e6a794467e06f771debbb0818b"
        );
    }

    /// Both values by Python's `hmac`.
    #[test]
    fn a_raw_key_signs_with_its_own_bytes() {
        let body = concat!(
            r#"{"id":"evt_1","event":"message.received","session":"default","#,
            r#""timestamp":"2025-01-15T10:30:00Z","payload":{}}"#
        );
        let headers = signed("topsecret", "evt_1", 1_736_937_000, body);
        assert_eq!(
            header(&headers, "x-webhook-signature"),
            "sha256=3a7a1db59fe43ce193f9c622991fe7484376e76c4c69842fac2ac4e99076efd2"
        );
        assert_eq!(
            header(&headers, "webhook-signature"),
            "v1,Weq4JEcqKaQ79206wrOSHxiardQ/9lgbkSAzlk87fFI="
        );
    }

    /// RFC 4231 test case 6: a key longer than the block.
    #[test]
    fn a_key_longer_than_a_block_is_hashed_first() {
        let secret = Secret::parse(&[0xaa; 131]).unwrap();
        let body = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let headers = sign(Some(&secret), "evt_1", 0, body);
        assert_eq!(
            headers[X_WEBHOOK_SIGNATURE],
            "sha256=60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn without_a_key_there_is_an_id_but_no_signature() {
        let headers = sign(None, "evt_1", 7, b"{}");
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[WEBHOOK_ID], "evt_1");
        assert_eq!(headers[WEBHOOK_TIMESTAMP], "7");
    }

    #[test]
    fn signatures_are_hidden_in_debug_output() {
        let secret = Secret::parse(b"k").unwrap();
        let shown = format!("{:?}", sign(Some(&secret), "evt_1", 7, b"{}"));
        assert!(!shown.contains("sha256="), "{shown}");
        assert!(!shown.contains("v1,"), "{shown}");
    }
}
