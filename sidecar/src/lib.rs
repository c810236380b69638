//! Titan Media's sidecar: a gateway's webhook in, a verified file in the tenant's bucket, a signed
//! webhook out.
//!
//! # Layout
//!
//! `inbound` reads any gateway's shape, `message` unwraps it, `store` keeps it before anyone is
//! told 202, `transfer` moves bytes from `cdn` through `media` to `bucket` or a caller, `webhook`
//! tells the tenant's application. `config` is the two Kubernetes resources, `api` and `admin`
//! are the two ports; `probe` checks a bucket where nothing is served.

pub mod admin;
pub mod api;
pub mod args;
pub mod backup;
pub mod bucket;
pub mod cdn;
pub mod clock;
pub mod config;
pub mod demo;
pub mod device;
mod fleet;
pub mod history;
pub mod inbound;
pub mod launch;
pub mod message;
pub mod metrics;
pub mod net;
pub mod probe;
pub mod send;
pub mod serve;
pub mod session;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod transfer;
pub mod webhook;

pub use titan_media as media;
