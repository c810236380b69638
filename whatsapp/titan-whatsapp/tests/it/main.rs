//! The program, as a process, between a server of ours and a sidecar of ours.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here is a failed test"
)]

mod features;
mod groups;
mod history;
mod inbound;
mod lock;
mod outbound;
mod pairing;
mod program;
mod proxy;
mod relay_program;
mod retries;
mod sidecar;
mod stage;
mod states;
mod store_key;
mod strict;
