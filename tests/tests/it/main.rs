//! The scenes: one module each, one binary, the real program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod api;
mod auth;
mod command_line;
mod config;
mod demo;
mod download;
mod fail_static;
mod faults;
mod harness;
mod inbound;
mod interop;
mod kill;
mod network;
mod no_disk;
mod openapi;
mod persist;
mod probe;
mod release_rule;
mod s3_servers;
mod secrecy;
mod status;
mod webhooks;
