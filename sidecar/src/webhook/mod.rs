//! Webhooks: what the tenant's application is told, signed, retried and never lost.
//!
//! `payload` turns a message into facts when it is accepted; `render` joins them with the media's
//! current state for each attempt; `sign` signs the bytes that go out; `deliver` empties the outbox.

pub mod jid;
pub mod payload;
pub mod secret;
pub mod sign;

pub use secret::{Secret, SecretError};
pub use sign::sign;
