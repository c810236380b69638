//! Test support: a WhatsApp server of our own on loopback, made to relay between linked devices.
//!
//! It does what two linked devices and their phones need from a server: Noise XX and IK, pairing by QR,
//! login, prekeys, messages and receipts, media connection and media retry. Of Signal it knows what a phone needs to
//! write to its own devices. What it delivers stays queued until it is
//! acknowledged, and is delivered again at the next connection, as the real one does.
//!
//! # Layout
//!
//! `noise` and `wire` are the connection, `pairing` and `session` the two things a connection can be for. `state` is
//! what the server knows; `account` and `device` are parts of it. `iq`, `keys`, `message` and `retry` answer stanzas;
//! `phone` writes some.
//! `Relay` is what a test holds, and `Peer` a plain device at it. `control` is both over HTTP, for tests that must not link
//! this: the program `titan-relay`.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "test support: what fails here is a failed test"
)]

pub mod control;

mod account;
mod certificate;
mod device;
mod iq;
mod keys;
mod message;
mod noise;
mod pairing;
mod peer;
mod phone;
mod relay;
mod retry;
mod session;
mod stanza;
mod state;
mod typed;
mod wire;

pub use peer::Peer;
pub use relay::{MediaRetry, Relay};
pub use state::{Ended, MediaHosts};
