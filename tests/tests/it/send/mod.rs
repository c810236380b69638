//! Sending through a gateway, held against what the gateways publish of their APIs.

mod asynchronous;
mod errors;
mod files;
mod formats;
mod gateways;
mod harness;
mod idempotency;
mod key;
mod limits;
mod link_limits;
mod links;
mod order;
mod sessions;
mod spool;
mod volumeless;
