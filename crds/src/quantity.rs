//! A number of bytes as Kubernetes writes it: `2Gi`, `500Mi`, `1.5G`, or a plain number.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a quantity of bytes looks like. The API server also knows exponents and thousandths; they make no
/// sense for bytes and are refused.
const PATTERN: &str = r"^[0-9]{1,18}(\.[0-9]{1,9})?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";

/// A number of bytes, with the form it was given in.
///
/// Two are equal if they are as many bytes, however they are written.
#[derive(Clone)]
pub struct Quantity {
    form: Form,
    bytes: u64,
}

/// JSON distinguishes `1024` and `"1024"`; what was read is written back.
#[derive(Clone)]
enum Form {
    Number,
    Text(String),
}

/// Why a text is no number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" must be a number of bytes such as 2Gi, 500Mi or 1048576")]
pub struct QuantityError {
    text: String,
}

impl Quantity {
    /// The number of bytes; a fraction of a byte counts as a whole one.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse(text) {
            Some(bytes) => Ok(Self {
                form: Form::Text(text.to_owned()),
                bytes,
            }),
            None => Err(QuantityError {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

impl From<u64> for Quantity {
    fn from(bytes: u64) -> Self {
        Self {
            form: Form::Number,
            bytes,
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Number => write!(f, "{}", self.bytes),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.form {
            Form::Number => serializer.serialize_u64(self.bytes),
            Form::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes such as 2Gi, 500Mi or 1048576")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Quantity, E> {
                Ok(Quantity::from(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Quantity, E> {
                u64::try_from(bytes)
                    .map(Quantity::from)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": PATTERN,
        })
    }
}

/// Reads the text; `None` if it does not follow the pattern, or has more than `u64::MAX` bytes.
fn parse(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let factor = factor(suffix)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 18
        || decimals.len() > 9
        || !digits(whole)
        || !digits(decimals)
    {
        return None;
    }
    if decimals.is_empty() && number.contains('.') {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    let part = match decimals {
        "" => 0,
        decimals => (decimals.parse::<u128>().ok()? * factor).div_ceil(scale),
    };
    u64::try_from(
        whole
            .parse::<u128>()
            .ok()?
            .checked_mul(factor)?
            .checked_add(part)?,
    )
    .ok()
}

/// Bytes of a suffix.
fn factor(suffix: &str) -> Option<u128> {
    Some(match suffix {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "E" => 1_000_000_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        "Ei" => 1 << 60,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    fn bytes(text: &str) -> Option<u64> {
        text.parse::<Quantity>()
            .ok()
            .map(|quantity| quantity.bytes())
    }

    #[test]
    fn sizes_are_read_in_both_families_of_units() {
        assert_eq!(bytes("2Gi"), Some(2 << 30));
        assert_eq!(bytes("500Mi"), Some(500 << 20));
        assert_eq!(bytes("1.5G"), Some(1_500_000_000));
        assert_eq!(bytes("0.5Ki"), Some(512));
        assert_eq!(bytes("1048576"), Some(1 << 20));
        assert_eq!(bytes("100k"), Some(100_000));
        assert_eq!(bytes("1.5"), Some(2));
        assert_eq!(bytes("15Ei"), Some(15 << 60));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "Gi", "-1", "1.", ".5", "1e3", "100m", "1 Gi", "2GiB", "16Ei", "1.2.3", "९",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_read_is_written_back() {
        for json in ["1024", "\"1024\"", "\"2Gi\""] {
            let quantity: Quantity = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&quantity).unwrap(), json);
        }
        assert!(serde_json::from_str::<Quantity>("-1").is_err());
        assert!(serde_json::from_str::<Quantity>("1.5").is_err());
    }
}
