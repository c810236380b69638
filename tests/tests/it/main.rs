//! The scenes: one module each, one binary, the real program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod api;
mod auth;
mod backup;
mod bad_media_input;
mod command_line;
mod commands;
mod config;
mod demo;
mod download;
mod fail_static;
mod faults;
mod gateways;
mod harness;
mod inbound;
mod interop;
mod kill;
mod network;
mod no_disk;
mod openapi;
mod persist;
mod probe;
mod range;
mod release_rule;
mod replicas;
mod s3_servers;
mod secrecy;
mod signatures;
mod status;
mod variants;
mod webhooks;
