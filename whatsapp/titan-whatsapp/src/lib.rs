//! One linked WhatsApp device for one sidecar.
//!
//! # Layout
//!
//! `serve` is the order of starting and stopping. `device` holds the device: a `supervisor` that connects, and decides by
//! `verdict` what the end of a connection means; the `ear` that hears what the library tells; the `hook` between a message
//! and its acknowledgement. `sidecar` is what is called, `api` what is served.

pub mod args;
pub mod clock;
pub mod config;
pub mod serve;
pub mod shutdown;
pub mod telemetry;

mod api;
mod backoff;
mod device;
mod lock;
mod mask;
mod sidecar;
mod store;
