//! JSON into WhatsApp's message types: one table line per message, one rendering per type.
//!
//! Reading never fails. What is within a message is the sender's word or its rendering; a value
//! that can't be read becomes one that the checks on it refuse (an empty byte string, the largest
//! length), so the file is announced as unusable and the request goes through.

use waproto::buffa::{Enumeration, MessageField};

use super::bytes;
use super::json::Json;
use super::number;

/// A message type that can be filled from an object's members.
pub(super) trait Readable: Default {
    /// Sets the field of this JSON name, if this type has it.
    fn set(&mut self, name: &str, value: &Json<'_>);
}

/// A field's type.
pub(super) trait Slot {
    fn read_from(&mut self, value: &Json<'_>);
}

/// A message from an object; anything else leaves it empty.
pub(super) fn read<T: Readable>(value: &Json<'_>) -> T {
    let mut message = T::default();
    fill(&mut message, value);
    message
}

/// As [`read`], into a message that may already have fields.
pub(super) fn fill<T: Readable>(message: &mut T, value: &Json<'_>) {
    for (name, value) in value.members() {
        if *value != Json::Null {
            message.set(name, value);
        }
    }
}

/// An enum value by number or by its name in the schema.
pub(super) fn enumeration<E: Enumeration>(value: &Json<'_>) -> Option<E> {
    match value {
        Json::Text(name) => E::from_proto_name(name),
        _ => None,
    }
    .or_else(|| E::from_i32(i32::try_from(number::integer(value)?).ok()?))
}

// === impl Slot ===

impl Slot for Option<String> {
    fn read_from(&mut self, value: &Json<'_>) {
        if let Json::Text(text) = value {
            *self = Some(text.clone().into_owned());
        }
    }
}

impl Slot for Option<Vec<u8>> {
    fn read_from(&mut self, value: &Json<'_>) {
        *self = Some(bytes::bytes(value).unwrap_or_default());
    }
}

impl Slot for Option<u64> {
    fn read_from(&mut self, value: &Json<'_>) {
        *self = Some(number::unsigned(value));
    }
}

impl Slot for Option<u32> {
    fn read_from(&mut self, value: &Json<'_>) {
        *self = number::integer(value).and_then(|number| u32::try_from(number).ok());
    }
}

impl Slot for Option<i32> {
    fn read_from(&mut self, value: &Json<'_>) {
        *self = number::integer(value).and_then(|number| i32::try_from(number).ok());
    }
}

impl Slot for Option<bool> {
    fn read_from(&mut self, value: &Json<'_>) {
        *self = boolean(value);
    }
}

impl Slot for Vec<String> {
    fn read_from(&mut self, value: &Json<'_>) {
        if let Json::List(list) = value {
            *self = list
                .iter()
                .filter_map(Json::text)
                .map(str::to_owned)
                .collect();
        }
    }
}

impl<T: Readable> Slot for Vec<T> {
    fn read_from(&mut self, value: &Json<'_>) {
        if let Json::List(list) = value {
            *self = list.iter().map(read).collect();
        }
    }
}

impl<T: Readable> Slot for MessageField<T> {
    fn read_from(&mut self, value: &Json<'_>) {
        if value.is_object() {
            *self = Self::some(read(value));
        }
    }
}

/// `true`, `"true"` or 1.
pub(super) fn boolean(value: &Json<'_>) -> Option<bool> {
    match value {
        Json::Bool(value) => Some(*value),
        Json::Text(text) => text.parse().ok(),
        Json::Integer(number) => Some(*number != 0),
        _ => None,
    }
}
