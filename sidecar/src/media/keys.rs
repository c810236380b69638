//! Media keys and what is derived from them.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A file's 32-byte media key. Never shown: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MediaKey(pub [u8; 32]);

impl fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaKey(…)")
    }
}
