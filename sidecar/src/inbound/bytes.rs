//! Byte strings in every rendering that gateways are known to write.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::json::Json;

/// Standard alphabet, padded or not, as lenient about the last bits as Node and Go are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Shortest text taken for hex. Base64 of a hash or key is never a multiple of it, and that longer
/// base64 has hex digits alone does not happen by chance.
const MIN_HEX: usize = 20;

/// The bytes that a value stands for: base64 (standard or URL alphabet, padded or not, also as a
/// `data:` URL), hex, an array of numbers, an index-keyed object, or a Node `Buffer` of either
/// form. `None` when it is none of these.
pub(super) fn bytes(value: &Json<'_>) -> Option<Vec<u8>> {
    match value {
        Json::Text(text) => text_bytes(text),
        Json::Bytes(bytes) => Some(bytes.clone()),
        Json::List(list) if list.is_empty() => Some(Vec::new()),
        Json::Object(members) if members.is_empty() => Some(Vec::new()),
        Json::Object(_) if is_buffer(value) => match value.get_exact("data") {
            Some(data @ (Json::Text(_) | Json::Bytes(_) | Json::List(_))) => bytes(data),
            _ => None,
        },
        _ => None,
    }
}

fn is_buffer(value: &Json<'_>) -> bool {
    matches!(
        value.get_exact("type").and_then(Json::text),
        Some("Buffer" | "Uint8Array")
    )
}

fn text_bytes(text: &str) -> Option<Vec<u8>> {
    let text = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => text,
    };
    if is_hex(text) {
        return hex::decode(text).ok();
    }
    let standard: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\t'))
        .map(|byte| match byte {
            b'-' | b' ' => b'+', // a space is a plus that went through form encoding
            b'_' => b'/',
            other => other,
        })
        .collect();
    BASE64.decode(standard).ok()
}

fn is_hex(text: &str) -> bool {
    let digits = |letter: fn(&u8) -> bool| text.bytes().all(|b| b.is_ascii_digit() || letter(&b));
    text.len() >= MIN_HEX
        && text.len().is_multiple_of(2)
        && (digits(|b| (b'a'..=b'f').contains(b)) || digits(|b| (b'A'..=b'F').contains(b)))
}
