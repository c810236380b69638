//! Sending as the session's own linked device: the file goes to WhatsApp's CDN from here, the message
//! through the program that holds the device.
//!
//! `look` finds out what a file shows, `upload` brings it to the CDN, `message` makes WhatsApp's
//! message of it, and `record` what the session keeps of that.

pub mod check;
pub mod deliver;
mod encoded;
pub mod look;
pub mod message;
mod record;
pub mod upload;

pub use check::check;
pub use look::Look;
pub use upload::Upload;

#[cfg(test)]
mod tests;
