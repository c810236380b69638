//! Numbers as gateways write them: a JSON number, a decimal string, or a Long's two halves.

use super::json::Json;

/// The whole number that a value stands for: `12`, `12.0`, `"12"` or
/// `{"low":12,"high":0,"unsigned":true}`.
pub(super) fn integer(value: &Json<'_>) -> Option<i128> {
    match value {
        Json::Integer(number) => Some(*number),
        Json::Float(number) => whole(*number),
        Json::Text(text) => text.trim().parse().ok(),
        Json::Object(_) => long(value),
        _ => None,
    }
}

/// As [`integer`], as an unsigned 64-bit field reads it: negative numbers wrap as they do in
/// protobuf, and what can't be read is the largest number, which no check accepts.
pub(super) fn unsigned(value: &Json<'_>) -> u64 {
    let Some(number) = integer(value) else {
        return u64::MAX;
    };
    u64::try_from(number)
        .or_else(|_| i64::try_from(number).map(i64::cast_unsigned))
        .unwrap_or(u64::MAX)
}

/// As [`integer`], as a signed 64-bit field reads it.
pub(super) fn signed(value: &Json<'_>) -> Option<i64> {
    i64::try_from(integer(value)?).ok()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the range is checked before the cast, and the number is whole"
)]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e19).then_some(number as i128)
}

fn long(value: &Json<'_>) -> Option<i128> {
    let half = |name| value.get_exact(name).and_then(integer);
    let low = u32_bits(half("low")?)?;
    let high = u32_bits(half("high")?)?;
    let bits = u64::from(high) << 32 | u64::from(low);
    Some(match value.get_exact("unsigned") {
        Some(Json::Bool(true)) => bits.into(),
        _ => bits.cast_signed().into(),
    })
}

/// The 32 bits of a half, which JavaScript writes as a signed number.
fn u32_bits(half: i128) -> Option<u32> {
    u32::try_from(half)
        .ok()
        .or_else(|| i32::try_from(half).ok().map(i32::cast_unsigned))
}
