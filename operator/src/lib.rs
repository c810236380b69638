//! The operator: two resources in, one sidecar per session out. See ARCHITECTURE.md.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod apply;
pub mod args;
pub mod census;
pub mod client;
pub mod clock;
pub mod conditions;
pub mod context;
pub mod controller;
pub mod definitions;
pub mod document;
pub mod error;
pub mod events;
pub mod image;
pub mod index;
pub mod lease;
pub mod metrics;
pub mod names;
pub mod operator;
pub mod pod;
mod process;
pub mod session;
pub mod settings;
pub mod shutdown;
pub mod sidecar;
pub mod status;
pub mod storage;
pub mod telemetry;
pub mod watch;

#[cfg(test)]
mod testing;
