//! Titan Media's sidecar: a gateway's webhook in, a verified file in the tenant's bucket, a signed
//! webhook out.
//!
//! # Layout
//!
//! `inbound` reads any gateway's shape, `message` unwraps it, `store` keeps it before anyone is
//! told 202, `transfer` moves bytes from `cdn` through `media` to `bucket` or a caller, `webhook`
//! tells the tenant's application. `config` is the two Kubernetes resources, `api` and `admin`
//! are the two ports.

pub mod api;
pub mod bucket;
pub mod cdn;
pub mod clock;
pub mod config;
pub mod demo;
pub mod inbound;
pub mod media;
pub mod message;
pub mod net;
pub mod store;
pub mod transfer;
pub mod webhook;
