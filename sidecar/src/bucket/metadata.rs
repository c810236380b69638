//! User metadata of an object, as S3 takes it: lower-case names, ASCII values, 2 KB in all.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// S3 refuses more than 2 KB of names and values; a little is left for proxies that count prefixes.
const MAX_TOTAL_BYTES: usize = 1900;
/// One value may not crowd out the others.
const MAX_VALUE_BYTES: usize = 512;

/// What is percent-encoded: controls, everything beyond ASCII, `%` itself, and `"` and blanks at
/// whose borders servers trim (all blanks, so that signing needs no trimming rule).
const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b'"').add(b' ');

/// Names and values ready to be sent. A value too long is cut, and an entry that no longer fits
/// is left out: metadata is a convenience and must never make a store refuse a file.
pub(super) fn encode(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut left = MAX_TOTAL_BYTES;
    let mut encoded = BTreeMap::new();
    for (name, value) in metadata {
        let name = name.to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(token) {
            continue;
        }
        let value = cut(&utf8_percent_encode(value, ENCODED).to_string());
        let size = name.len() + value.len();
        if size <= left {
            left -= size;
            encoded.insert(name, value);
        }
    }
    encoded
}

/// Cuts an encoded value, never within a `%XX` (a cut within a character shows as U+FFFD there).
fn cut(encoded: &str) -> String {
    let mut end = encoded.len().min(MAX_VALUE_BYTES);
    if let Some(head) = encoded.get(..end)
        && end < encoded.len()
        && let Some(percent) = head.rfind('%')
        && end - percent < 3
    {
        end = percent;
    }
    encoded.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str) -> String {
        let map = BTreeMap::from([("Name".to_owned(), value.to_owned())]);
        encode(&map).remove("name").unwrap()
    }

    #[test]
    fn values_are_percent_encoded_ascii() {
        assert_eq!(one("plain-Value_1.@x"), "plain-Value_1.@x");
        assert_eq!(one(" ä%\r\n\""), "%20%C3%A4%25%0D%0A%22");
    }

    #[test]
    fn too_much_is_cut_not_refused() {
        let long = one(&"ä".repeat(2000));
        assert!(long.len() <= MAX_VALUE_BYTES && long.len() > MAX_VALUE_BYTES - 3);
        assert!(long.split('%').skip(1).all(|code| code.len() == 2));
        let many = (0..20)
            .map(|n| (format!("m{n:02}"), "x".repeat(400)))
            .collect();
        let total: usize = encode(&many)
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(total <= MAX_TOTAL_BYTES);
    }

    #[test]
    fn a_name_that_is_no_header_token_is_left_out() {
        let map = BTreeMap::from([
            ("a b".to_owned(), "x".to_owned()),
            ("ok".to_owned(), "y".to_owned()),
        ]);
        assert_eq!(encode(&map).into_keys().collect::<Vec<_>>(), ["ok"]);
    }
}
