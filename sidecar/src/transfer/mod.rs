//! The path of a file: CDN → decrypt and verify → bucket or caller, in one pass.

pub mod backoff;
pub mod download;
mod error;
mod persist;
pub mod source;
pub mod worker;

pub use error::TransferError;
pub use persist::persist;
