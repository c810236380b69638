//! A length of time as Kubernetes' `format: duration` writes it: `24h`, `1h30m`, `7d`, `1w`, `3 days`.
//!
//! The API server reads two grammars: Go's (`1h30m`, `1.5h`) and a wider one of whole numbers with units up
//! to weeks. The wider one also takes texts that mislead (`1.5d` would be five days), so that the schema has a
//! pattern too; what is accepted here is what passes both.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration as Time};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a duration looks like, beyond `format: duration`.
const PATTERN: &str = concat!(
    r"^(([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+|",
    r"[0-9]+ ?(ns|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hr|hours?|d|days?|w|weeks?)",
    r"( ?[0-9]+ ?(ns|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hr|hours?|d|days?|w|weeks?))*)$"
);
/// The longest text.
const MAX_LENGTH: usize = 32;

/// A length of time that is not negative, with the text it was given in.
///
/// Two are equal if they are equally long, however they are written.
#[derive(Clone)]
pub struct Duration {
    text: String,
    time: Time,
}

/// What is said of a text that is no duration.
pub(crate) const EXPECTED: &str = "must be a duration such as 30s, 10m, 24h, 7d or 1h30m";

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" {EXPECTED}")]
pub struct DurationError {
    text: String,
}

impl Duration {
    /// The length of time.
    #[must_use]
    pub const fn get(&self) -> Time {
        self.time
    }

    /// The text it was given in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse(text) {
            Some(time) => Ok(Self {
                text: text.to_owned(),
                time,
            }),
            None => Err(DurationError {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

impl From<Time> for Duration {
    /// Writes the time in Go's form, with the largest unit that leaves a whole number.
    fn from(time: Time) -> Self {
        let nanoseconds = time.as_nanos();
        let (unit, length) = [
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
        ]
        .into_iter()
        .chain([("ms", 1_000_000), ("us", 1_000)])
        .find(|(_, length)| nanoseconds.is_multiple_of(*length) && nanoseconds >= *length)
        .unwrap_or(if nanoseconds == 0 {
            ("s", 1)
        } else {
            ("ns", 1)
        });
        Self {
            text: format!("{}{unit}", nanoseconds / length),
            time,
        }
    }
}

impl From<&Duration> for Time {
    fn from(duration: &Duration) -> Self {
        duration.time
    }
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.time == other.time
    }
}

impl Eq for Duration {}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "duration",
            "maxLength": MAX_LENGTH,
            "pattern": PATTERN,
        })
    }
}

/// Reads both grammars; `None` if the text follows neither, or is longer than the 292 years that Go can count.
fn parse(text: &str) -> Option<Time> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let mut rest = text;
    let (mut total, mut fraction, mut wide) = (0_u128, false, false);
    while !rest.is_empty() {
        if total > 0 || rest.len() < text.len() {
            wide |= rest.starts_with(' ');
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
        let (whole, after) = split(rest, |c| c.is_ascii_digit())?;
        let (decimals, after) = match after.strip_prefix('.') {
            Some(decimals) => split(decimals, |c| c.is_ascii_digit())?,
            None => ("", after),
        };
        fraction |= !decimals.is_empty();
        wide |= after.starts_with(' ');
        let after = after.strip_prefix(' ').unwrap_or(after);
        let (unit, after) = split(after, |c| c.is_ascii_lowercase())?;
        let (length, narrow) = unit_length(unit)?;
        wide |= !narrow;
        total = total.checked_add(amount(whole, decimals, length)?)?;
        rest = after;
    }
    if fraction && wide {
        return None;
    }
    i64::try_from(total)
        .ok()
        .map(|nanoseconds| Time::from_nanos(nanoseconds.unsigned_abs()))
}

/// Splits after the characters that fit; `None` if there is none.
fn split(text: &str, fits: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    text.split_at_checked(end)
        .filter(|(head, _)| !head.is_empty())
}

/// Nanoseconds of a unit, and whether Go's grammar has it.
fn unit_length(unit: &str) -> Option<(u128, bool)> {
    Some(match unit {
        "ns" => (1, true),
        "us" => (1_000, true),
        "ms" => (1_000_000, true),
        "s" => (1_000_000_000, true),
        "m" => (60_000_000_000, true),
        "h" => (3_600_000_000_000, true),
        "sec" | "secs" | "second" | "seconds" => (1_000_000_000, false),
        "min" | "mins" | "minute" | "minutes" => (60_000_000_000, false),
        "hr" | "hour" | "hours" => (3_600_000_000_000, false),
        "d" | "day" | "days" => (86_400_000_000_000, false),
        "w" | "week" | "weeks" => (604_800_000_000_000, false),
        _ => return None,
    })
}

/// Nanoseconds of `whole.decimals` units, rounded down.
fn amount(whole: &str, decimals: &str, length: u128) -> Option<u128> {
    let whole = whole.parse::<u128>().ok()?.checked_mul(length)?;
    if decimals.is_empty() {
        return Some(whole);
    }
    let scale = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let part = decimals.parse::<u128>().ok()?.checked_mul(length)? / scale;
    whole.checked_add(part)
}

#[cfg(test)]
mod tests;
