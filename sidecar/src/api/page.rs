//! Cursor and size of a page, for every list.

use super::error::ApiError;

/// Most records of one page.
const LARGEST: usize = 500;

/// Records of one page where the caller names no number.
const USUAL: usize = 100;

/// Records per page.
pub(super) fn size(limit: Option<usize>) -> Result<usize, ApiError> {
    let size = limit.unwrap_or(USUAL);
    if (1..=LARGEST).contains(&size) {
        Ok(size)
    } else {
        Err(ApiError::bad_parameter("limit", "must be 1 to 500"))
    }
}

/// Where the page before ended.
pub(super) fn cursor(text: Option<&str>) -> Result<Option<i64>, ApiError> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| ApiError::bad_parameter("cursor", "is not a nextCursor of ours"))
}
