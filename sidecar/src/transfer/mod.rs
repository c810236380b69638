//! The path of a file: CDN → decrypt and verify → bucket or caller, in one pass.

pub mod backoff;
mod blame;
mod byte_range;
pub mod download;
mod error;
pub mod lost;
mod part;
mod persist;
pub mod range;
mod rehash;
mod reupload;
mod save;
pub mod source;
pub mod thumbnail;
mod verdict;
pub mod worker;

pub use byte_range::ByteRange;
pub use error::TransferError;
pub use persist::persist;
