//! Pages of lists: read by number, newest first.

use super::bound;
use super::error::StoreError;
use super::sql::Row;

/// Largest page of a list.
const LARGEST: usize = 1000;

/// How many rows a page has at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageSize(usize);

// === impl PageSize ===

impl PageSize {
    /// What the caller asks for, within bounds.
    pub(super) fn of(asked: usize) -> Self {
        Self(asked.clamp(1, LARGEST))
    }

    /// How many rows to read: one more than asked for tells whether there is another page.
    pub(super) fn to_read(self) -> i64 {
        bound(self.0).saturating_add(1)
    }

    /// The page's rows of those that were read, and the cursor of the next page, if there is one.
    pub(super) fn cut(self, mut rows: Vec<Row>) -> Result<(Vec<Row>, Option<i64>), StoreError> {
        let more = rows.len() > self.0;
        rows.truncate(self.0);
        let next_cursor = match rows.last() {
            Some(row) if more => Some(row.try_get("number")?),
            _ => None,
        };
        Ok((rows, next_cursor))
    }
}
