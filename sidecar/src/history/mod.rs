//! The chats' history, which the phone offers once it has linked a device: chunks on the CDN, or small
//! ones within their notification, each a zlib stream of one protobuf `HistorySync`.
//!
//! A chunk is never in memory as a whole: it is decrypted, inflated and walked as it comes, message by
//! message, and what it holds goes the way of other messages, marked as history.
//!
//! # Layout
//!
//! `notification` is what the phone says of a chunk, `inflate` and `walk` take it apart, `chunk` reads
//! one, `worker` all that are queued (`store/history`).

mod chunk;
mod inflate;
mod notification;
mod walk;
mod worker;

#[cfg(test)]
mod tests;

pub use notification::{NotificationError, Offer};
pub use worker::run;

/// Wakes the worker.
pub type Bell = tokio::sync::Notify;
