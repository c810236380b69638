//! Black-box tests of Titan Media: the real binary, driven through its command line and HTTP only.
//!
//! # Layout
//!
//! `stage` puts a scene up: `sidecar` (the process), `cdn`, `bucket` and `sink` (fakes that count
//! and break on purpose) and `manifests` (what `kubectl apply` would take). `media` encrypts with
//! code of its own, so that the product is never its own judge; `baileys` renders messages;
//! `gateway` takes what is sent through it. `api` talks to the process and holds every answer against its own OpenAPI document. `bench` has
//! what the benchmark programs in `bin` share. `peer` puts CDN and sink where pods reach them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "test support: what fails here is a failed test"
)]

pub mod api;
pub mod baileys;
pub mod bench;
pub mod bucket;
pub mod cache;
pub mod cdn;
pub mod contract;
pub mod device;
pub mod fault;
pub mod fixtures;
pub mod gateway;
pub mod https;
pub mod manifests;
pub mod media;
pub mod minio;
pub mod mount;
pub mod netns;
pub mod oidc;
pub mod peer;
pub mod postgres;
pub mod proxy;
pub mod random;
pub mod range;
pub mod relay;
pub mod s3;
pub mod sidecar;
pub mod sink;
pub mod socket;
pub mod stage;
pub mod sts;
pub mod tls;
pub mod trace;
pub mod wait;
pub mod wire;
