//! What a gateway answers, read as far as it goes.

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// How much of an answer's body is ever needed.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// A message that a gateway has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// WhatsApp's id of the message, without what gateways put around it.
    pub id: String,
    /// When it was sent, where the gateway says so.
    pub timestamp: Option<Timestamp>,
}

/// The scalars of an answer by their JSON pointers, as far as they could be read: an answer that
/// was cut off says what it said until then.
#[derive(Debug, Default)]
pub(super) struct Answer(Vec<(String, Value)>);

// === impl Answer ===

impl Answer {
    pub(super) fn read(body: &[u8]) -> Self {
        let mut found = Vec::new();
        let place = Place {
            pointer: String::new(),
            found: &mut found,
        };
        // An error is where it was cut off, or where it stopped being JSON.
        let _ = place.deserialize(&mut serde_json::Deserializer::from_slice(body));
        Self(found)
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(found, _)| found == pointer)
            .map(|(_, value)| value)
    }

    /// The first of these that is a text with something in it.
    pub(super) fn text(&self, pointers: &[&str]) -> Option<&str> {
        pointers
            .iter()
            .filter_map(|pointer| self.at(pointer)?.as_str())
            .find(|text| !text.trim().is_empty())
    }

    pub(super) fn is_false(&self, pointer: &str) -> bool {
        self.at(pointer) == Some(&Value::Bool(false))
    }

    /// The first of these that is a time: seconds as a number or in digits, or RFC 3339.
    pub(super) fn time(&self, pointers: &[&str]) -> Option<Timestamp> {
        pointers.iter().find_map(|pointer| match self.at(pointer)? {
            Value::Number(seconds) => Timestamp::from_second(seconds.as_i64()?).ok(),
            Value::String(text) => match text.parse() {
                Ok(seconds) => Timestamp::from_second(seconds).ok(),
                Err(_) => text.parse().ok(),
            },
            _ => None,
        })
    }
}

/// Where in an answer the next value stands.
struct Place<'a> {
    pointer: String,
    found: &'a mut Vec<(String, Value)>,
}

impl Place<'_> {
    fn keep(self, value: Value) {
        self.found.push((self.pointer, value));
    }

    fn below(&mut self, name: &impl fmt::Display) -> Place<'_> {
        Place {
            pointer: format!("{}/{name}", self.pointer),
            found: self.found,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(Value::from(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(Value::from(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(Value::from(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.keep(Value::from(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.keep(Value::from(value));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while items.next_element_seed(self.below(&index))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value_seed(self.below(&name))?;
        }
        Ok(())
    }
}
