//! Sending: what a caller asks for, and how it gets to WhatsApp.
//!
//! `outgoing` is a message to send, as understood; `gateway` says it in the words of a gateway's own
//! send API.

pub mod gateway;
pub mod outgoing;

pub use outgoing::{Attachment, Content, Outgoing, OutgoingKind, Quoted};
