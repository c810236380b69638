//! Titan Media on a real Kubernetes: its own images, both charts, a bucket, a CDN, a webhook sink.
//!
//! `make cluster-test` runs it; by itself it has no cluster. A file of tests has one theme; what they
//! stand on is in `harness`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod harness;

mod admission;
mod api_server;
mod bucket;
mod burst;
mod children;
mod conflict;
mod device;
mod examples;
mod explain;
mod expose;
mod fleet;
mod helm;
mod kill;
mod leader;
mod namespaced;
mod noop;
mod pods;
mod policy;
mod quickstart;
mod replicas;
mod secrets;
mod storage;
mod suspend;
mod tenants;
mod unsupported;
mod volume;
