//! Media crypto: keys, streaming decryption with the release rule, encryption, the streaming
//! sidecar. Pure: no I/O, no clock, no randomness.

pub mod keys;
pub mod kind;

pub use keys::MediaKey;
pub use kind::{MediaKind, MediaType};
