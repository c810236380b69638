//! WhatsApp messages: from the protobuf form, wrappers and all, to kinds and media references. Pure.

pub mod content;
pub mod identity;
mod plain;
mod reference;
mod structure;
pub mod unwrap;
mod wrappers;

#[cfg(test)]
mod tests;

pub use content::{Association, Content, Event, Incoming, MediaReference, Thumbnail};
pub use identity::{MediaId, MessageKey, SessionKey};
pub use unwrap::{Envelope, understand};
