//! How long a store may be silent. The SDK's own time-outs are off: they count the silence of our
//! source, a slow CDN, against the store.

use std::time::Duration;

/// Limits on a store's silence; none on a request as a whole, which is the transfer's to set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// While it takes no byte of a body. Long, since the kernel's buffer hides a slow line from us.
    pub(super) sending: Duration,
    /// Between a request's last byte and the answer's first.
    pub(super) answer: Duration,
    /// Within an answer.
    pub(super) reading: Duration,
    /// For a whole check, whatever it sends.
    pub(super) check: Duration,
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self {
            sending: Duration::from_mins(1),
            answer: Duration::from_mins(2),
            reading: Duration::from_mins(1),
            check: Duration::from_secs(15),
        }
    }
}
