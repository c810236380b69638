//! A gateway's JSON as a tree of bounded depth that keeps byte strings small.
//!
//! Values nested deeper than [`MAX_DEPTH`] are skipped and marked: how deep a message nests is its
//! sender's doing and must not refuse the gateway's request. Arrays of bytes and index-keyed
//! objects (`{"0":146,"1":12}`) become byte strings while they are read, so that a file's
//! thumbnail costs its size and not thirty times that.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Deepest nesting that is kept. Below the parser's own limit of 128, which would be an error.
const MAX_DEPTH: usize = 100;

/// A JSON value; texts without escapes are borrowed from the body.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in the range of `i64` or `u64`.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// A non-empty array of bytes, or an object that numbers bytes from 0.
    Bytes(Vec<u8>),
    /// Any other array.
    List(Vec<Self>),
    /// Any other object, in the order written; the last of equal names counts.
    Object(Vec<(Cow<'a, str>, Self)>),
    /// Something nested deeper than is kept.
    TooDeep,
}

/// Reads a whole body.
pub(super) fn parse(body: &[u8]) -> Result<Json<'_>, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = Node { depth: 0 }.deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// Whether a JSON name is a field, whatever its casing: `fileSha256`, `fileSHA256`,
/// `FileSHA256` and `file_sha256` are one name.
pub(super) fn same_name(left: &str, right: &str) -> bool {
    let fold = |byte: &u8| *byte != b'_';
    let left = left.bytes().filter(fold);
    let right = right.bytes().filter(fold);
    left.map(|byte| byte.to_ascii_lowercase())
        .eq(right.map(|byte| byte.to_ascii_lowercase()))
}

struct Node {
    depth: usize,
}

struct NodeVisitor {
    depth: usize,
}

// === impl Json ===

impl<'a> Json<'a> {
    /// The member of an object, its name folded as in [`same_name`].
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Json::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .rev()
            .find(|(found, _)| same_name(found, name))
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// The member of an object under exactly this name.
    pub(super) fn get_exact(&self, name: &str) -> Option<&Self> {
        let Json::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .rev()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// A non-empty text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A non-empty text member.
    pub(super) fn text_at(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    pub(super) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Json::Object(members) => members,
            _ => &[],
        }
    }
}

// === impl Node ===

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Json<'de>, D::Error> {
        if self.depth >= MAX_DEPTH {
            // Skipping does not recurse, however deep the rest is.
            return IgnoredAny::deserialize_from(input).map(|()| Json::TooDeep);
        }
        input.deserialize_any(NodeVisitor { depth: self.depth })
    }
}

trait Skip: Sized {
    fn deserialize_from<'de, D: Deserializer<'de>>(input: D) -> Result<(), D::Error>;
}

impl Skip for IgnoredAny {
    fn deserialize_from<'de, D: Deserializer<'de>>(input: D) -> Result<(), D::Error> {
        serde::Deserialize::deserialize(input).map(|Self| ())
    }
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut bytes = Vec::new();
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self.child())? {
            if let Some(byte) = byte(&value).filter(|_| list.is_empty()) {
                bytes.push(byte);
            } else {
                list.extend(bytes.drain(..).map(|byte| Json::Integer(byte.into())));
                list.push(value);
            }
        }
        Ok(if bytes.is_empty() {
            Json::List(list)
        } else {
            Json::Bytes(bytes)
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut indexed = Vec::new();
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value_seed(self.child())?;
            let entry = index(&name).zip(byte(&value));
            if let Some(entry) = entry.filter(|_| members.is_empty()) {
                indexed.push(entry);
            } else {
                members.extend(indexed.drain(..).map(named));
                members.push((name, value));
            }
        }
        if indexed.is_empty() {
            return Ok(Json::Object(members));
        }
        Ok(contiguous(indexed).map_or_else(
            |indexed| Json::Object(indexed.into_iter().map(named).collect()),
            Json::Bytes,
        ))
    }
}

impl NodeVisitor {
    fn child(&self) -> Node {
        Node {
            depth: self.depth + 1,
        }
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Cow<'de, str>, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

fn byte(value: &Json<'_>) -> Option<u8> {
    match value {
        Json::Integer(number) => u8::try_from(*number).ok(),
        _ => None,
    }
}

fn index(name: &str) -> Option<u32> {
    let plain = name == "0" || !name.starts_with(['0', '+']);
    name.parse().ok().filter(|_| plain)
}

fn named<'a>((index, byte): (u32, u8)) -> (Cow<'a, str>, Json<'a>) {
    (Cow::Owned(index.to_string()), Json::Integer(byte.into()))
}

/// The bytes in the order of their indices, which must be 0, 1, 2 …; else the entries as they were.
fn contiguous(mut indexed: Vec<(u32, u8)>) -> Result<Vec<u8>, Vec<(u32, u8)>> {
    indexed.sort_by_key(|(index, _)| *index);
    if (0u32..)
        .zip(&indexed)
        .all(|(wanted, (index, _))| wanted == *index)
    {
        Ok(indexed.into_iter().map(|(_, byte)| byte).collect())
    } else {
        Err(indexed)
    }
}
