//! The path of a file: CDN → decrypt and verify → bucket or caller, in one pass.

pub mod backoff;
mod blame;
pub mod download;
mod error;
mod persist;
mod save;
pub mod source;
mod verdict;
pub mod worker;

pub use error::TransferError;
pub use persist::persist;
