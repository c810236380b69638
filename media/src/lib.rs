//! Media crypto: keys, streaming decryption with the release rule, encryption, the streaming
//! sidecar. Pure: no I/O, no clock, no randomness.

pub mod chunks;
pub mod decrypt;
pub mod encrypt;
pub mod error;
pub mod keys;
pub mod kind;
mod lane;
pub mod length;
mod pass;
pub mod retry;
pub mod scan;
pub mod streaming_sidecar;
#[cfg(test)]
mod tests;

pub use chunks::{Chunks, Lengths};
pub use decrypt::{Decryptor, Expected, Verified};
pub use encrypt::{Encrypted, Encryptor, Sealed, encrypt};
pub use error::IntegrityError;
pub use keys::{KeyError, MediaKey, MediaKeys};
pub use kind::{MediaKind, MediaType};
pub use length::{encrypted_len, length_from_tail, plausible_lengths};
pub use retry::{RetryError, open_retry};
pub use scan::Scan;

/// Bytes of an AES block.
const BLOCK: usize = 16;
/// Bytes of the truncated HMAC at the end of a blob, and of one sidecar entry.
const MAC: usize = 10;
/// Bytes worked on at once: small enough to stay in the first-level caches from decryption to
/// both hashes, large enough that the cost of a call does not show.
const STEP: usize = 32 * 1024;
