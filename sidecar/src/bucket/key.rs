//! Object keys: a template with facts of the message filled in, never with a sender's free text.
//!
//! Placeholders: `{tenant} {session} {yyyy} {mm} {dd} {mediaId} {messageId} {sha256} {kind} {ext}`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

pub use super::mime::extension;
use crate::media::MediaKind;

/// S3's limit on a key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// What a template may name.
#[derive(Debug, Clone, Copy)]
pub struct KeyParts<'a> {
    /// Put before the template as it is, but for a leading `/`; may be empty.
    pub prefix: &'a str,
    /// Tenant (namespace).
    pub tenant: &'a str,
    /// Session's API name.
    pub session: &'a str,
    /// Media id: hex, ours.
    pub media_id: &'a str,
    /// WhatsApp's message id: the sender's word, hashed unless it is harmless.
    pub message_id: &'a str,
    /// SHA-256 of the plaintext, written in lower-case hex; the media id stands in where the
    /// message does not tell it.
    pub sha256: Option<[u8; 32]>,
    /// Written as `image`, `video` …
    pub kind: MediaKind,
    /// When the message was sent (receipt only if that is unknown); its UTC date is used.
    pub timestamp: Timestamp,
    /// From [`extension`].
    pub ext: &'a str,
}

/// Fills `template` in. A name in braces that is no placeholder stays as it stands (the resource's
/// schema refuses it). Segments that a URL parser or a file system would resolve away (`.`, `..`,
/// empty ones) are dropped, so that a key means the same everywhere.
#[must_use]
pub fn object_key(template: &str, parts: &KeyParts<'_>) -> String {
    let mut key = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, from_brace)) = rest.split_once('{') {
        key.push_str(before);
        let placeholder = from_brace.split_once('}');
        let filled = placeholder.and_then(|(name, after)| Some((value(name, parts)?, after)));
        if let Some((filled, after)) = filled {
            key.push_str(&filled);
            rest = after;
        } else {
            key.push('{');
            rest = from_brace;
        }
    }
    key.push_str(rest);
    let segments = key
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "." | ".."));
    let key = segments.collect::<Vec<_>>().join("/");
    format!("{}{key}", parts.prefix.trim_start_matches('/'))
}

fn kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
        MediaKind::Sticker => "sticker",
    }
}

fn value(name: &str, parts: &KeyParts<'_>) -> Option<String> {
    let date = parts.timestamp.to_zoned(TimeZone::UTC);
    Some(match name {
        "tenant" => parts.tenant.to_owned(),
        "session" => parts.session.to_owned(),
        "mediaId" => parts.media_id.to_owned(),
        "messageId" => message_id(parts.message_id),
        "sha256" => parts
            .sha256
            .map_or_else(|| parts.media_id.to_owned(), hex::encode),
        "kind" => kind(parts.kind).to_owned(),
        "ext" => parts.ext.to_owned(),
        "yyyy" => format!("{:04}", date.year()),
        "mm" => format!("{:02}", date.month()),
        "dd" => format!("{:02}", date.day()),
        _ => return None,
    })
}

/// A message id as it may stand in a key: itself if it is `[A-Za-z0-9._-]{1,128}` and no dot
/// segment, else the SHA-256 of it.
fn message_id(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let harmless = (1..=128).contains(&id.len()) && id.bytes().all(plain);
    if harmless && id.bytes().any(|byte| byte != b'.') {
        return id.to_owned();
    }
    let digest: [u8; 32] = Sha256::digest(id).into();
    hex::encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn parts() -> KeyParts<'static> {
        KeyParts {
            prefix: "",
            tenant: "acme",
            session: "default",
            media_id: "00112233445566778899aabbccddeeff",
            message_id: "3EB0ABC",
            sha256: Some(Sha256::digest("abc").into()),
            kind: MediaKind::Image,
            timestamp: "2024-02-29T23:59:59Z".parse().unwrap(),
            ext: "jpg",
        }
    }

    #[test]
    fn every_placeholder_is_filled() {
        let template =
            "{tenant}/{session}/{yyyy}/{mm}/{dd}/{kind}/{messageId}-{mediaId}-{sha256}.{ext}";
        assert_eq!(
            object_key(template, &parts()),
            format!(
                "acme/default/2024/02/29/image/3EB0ABC-00112233445566778899aabbccddeeff-{SHA}.jpg"
            )
        );
    }

    #[test]
    fn the_date_is_utc() {
        let mut late = parts();
        late.timestamp = "2024-12-31T23:30:00-05:00".parse().unwrap();
        assert_eq!(object_key("{yyyy}/{mm}/{dd}", &late), "2025/01/01");
        late.timestamp = "0099-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(object_key("{yyyy}/{mm}/{dd}", &late), "0099/01/02");
    }

    #[test]
    fn unknown_or_broken_placeholders_stay_and_values_are_not_expanded_again() {
        assert_eq!(object_key("{nope}/{mediaId", &parts()), "{nope}/{mediaId");
        let mut braces = parts();
        braces.session = "{tenant}";
        assert_eq!(object_key("{session}", &braces), "{tenant}");
        assert_eq!(object_key("a{b{kind}}", &parts()), "a{bimage}");
    }

    #[test]
    fn a_message_id_that_is_not_harmless_is_hashed() {
        let long = "x".repeat(129);
        for id in [
            "",
            "..",
            ".",
            "a/b",
            "../../etc",
            "ä",
            "a b",
            "a\n",
            "%2e",
            long.as_str(),
        ] {
            let mut hostile = parts();
            hostile.message_id = id;
            let key = object_key("{messageId}", &hostile);
            assert_eq!(key.len(), 64, "{id:?} became {key}");
            assert!(
                key.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id:?} became {key}"
            );
        }
        let most = "y".repeat(128);
        for id in ["a", "3EB0-._x", ".a", most.as_str()] {
            let mut harmless = parts();
            harmless.message_id = id;
            assert_eq!(object_key("{messageId}", &harmless), id);
        }
    }

    #[test]
    fn the_prefix_stands_before_it_all() {
        for (prefix, expected) in [("wa/", "wa/image"), ("/wa-", "wa-image"), ("", "image")] {
            let parts = KeyParts { prefix, ..parts() };
            assert_eq!(object_key("{kind}", &parts), expected);
        }
    }

    #[test]
    fn an_unknown_hash_gives_way_to_the_media_id() {
        let parts = KeyParts {
            sha256: None,
            ..parts()
        };
        assert_eq!(object_key("{sha256}", &parts), parts.media_id);
    }

    #[test]
    fn segments_that_would_be_resolved_away_are_dropped() {
        assert_eq!(object_key("/a//./b/../{kind}/", &parts()), "a/b/image");
    }
}
