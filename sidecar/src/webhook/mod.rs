//! Webhooks: what the tenant's application is told, signed, retried and never lost.
//!
//! `payload` turns a message into facts when it is accepted; `sign` signs the bytes that go out.

pub mod backoff;
pub mod endpoint;
pub mod jid;
pub mod payload;
pub mod secret;
pub mod sign;

pub use backoff::{Policy, Retries};
pub use endpoint::{Endpoint, HasEndpoints};
pub use secret::{Secret, SecretError};
pub use sign::sign;
