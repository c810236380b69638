//! Sending through a gateway, held against what the gateways publish of their APIs.

mod asynchronous;
mod device;
mod device_faults;
mod errors;
mod files;
mod formats;
mod gateways;
mod hang_ups;
pub(crate) mod harness;
mod idempotency;
mod key;
mod kills;
mod limits;
mod link_limits;
mod links;
mod order;
mod replicas;
mod sessions;
mod spool;
mod stopping;
mod volumeless;
