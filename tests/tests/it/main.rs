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
mod bad_input;
mod bucket_settings;
mod command_line;
mod commands;
mod compose;
mod config;
mod demo;
mod device;
mod docs;
mod download;
mod fail_static;
mod faults;
mod gateways;
mod harness;
mod identity;
mod inbound;
mod interop;
mod kill;
mod least_privilege;
mod network;
mod no_disk;
mod openapi;
mod persist;
mod probe;
mod range;
mod rate_limit;
mod receivers;
mod release_rule;
mod replay;
mod replicas;
mod s3_servers;
mod secrecy;
mod send;
mod signatures;
mod status;
mod temporary_keys;
mod tls;
mod variants;
mod webhooks;
