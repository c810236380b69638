//! A body of JSON with room for a file.

use serde::Serialize;

/// JSON; where a file goes along, its base64 text stands between `head` and `tail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// All of it, or what stands before the file.
    pub head: Vec<u8>,
    /// What stands after the file: standard base64 with padding, and nothing else, goes between.
    pub tail: Option<Vec<u8>>,
}

// === impl Body ===

impl Body {
    /// A body without a file.
    pub(super) fn json(value: &impl Serialize) -> Self {
        let head = serialise(value);
        Self { head, tail: None }
    }

    /// A body whose very last text is where the file goes; `depth` objects end after it.
    pub(super) fn around_file(value: &impl Serialize, depth: usize) -> Self {
        let mut head = serialise(value);
        let tail = head.split_off(head.len().saturating_sub(depth + 1));
        let tail = Some(tail);
        Self { head, tail }
    }

    /// Length of the body in bytes with a file of `file` bytes in it; `file` counts only where
    /// there is room for one.
    #[must_use]
    pub fn length(&self, file: u64) -> u64 {
        let tail = self
            .tail
            .as_ref()
            .map_or(0, |tail| file.div_ceil(3) * 4 + tail.len() as u64);
        self.head.len() as u64 + tail
    }
}

/// Texts and flags are always JSON; were they ever not, the gateway would refuse an empty body.
fn serialise(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
