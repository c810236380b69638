//! Webhooks: what the tenant's application is told, signed, retried and never lost.
//!
//! `payload` turns a message into facts when it is accepted; `request` makes a signed request of
//! a rendered body; `answer` judges what comes back.

pub mod answer;
pub mod backoff;
pub mod endpoint;
pub mod jid;
pub mod payload;
pub mod request;
pub mod secret;
pub mod sign;
pub mod tally;

pub use backoff::{Policy, Retries};
pub use endpoint::{Endpoint, HasEndpoints};
pub use request::{Client, client};
pub use secret::{Secret, SecretError};
pub use sign::sign;
pub use tally::Tally;
