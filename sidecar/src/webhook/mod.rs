//! Webhooks: what the tenant's application is told, signed, retried and never lost.
//!
//! `payload` turns a message into facts when it is accepted; `render` joins them with the media's
//! current state for each attempt; `sign` signs the bytes that go out; `post` sends them and
//! judges the answer; `attempt` makes one delivery, `deliver` empties the outbox; `trial` posts a test.

pub mod answer;
pub mod attempt;
pub mod backoff;
pub mod deliver;
pub mod endpoint;
pub mod health;
pub mod jid;
pub mod payload;
mod post;
pub mod render;
pub mod request;
#[cfg(test)]
mod scene;
pub mod secret;
pub mod sign;
#[cfg(test)]
mod sink;
pub mod tally;
pub mod trial;

pub use backoff::{Policy, Retries};
pub use deliver::Deliverer;
pub use endpoint::{Endpoint, HasEndpoints};
pub use health::Health;
pub use render::render;
pub use request::{Client, client};
pub use secret::{Secret, SecretError};
pub use sign::sign;
pub use tally::Tally;
