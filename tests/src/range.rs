//! The one `Range` header that the fakes understand: a single range of bytes.

/// First and last byte of a single range, or `None` where nothing satisfies it.
#[must_use]
pub fn parse_range(text: &str, total: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = total.checked_sub(1)?;
    if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        return (count > 0).then(|| (total.saturating_sub(count), end));
    }
    let first: u64 = first.parse().ok()?;
    let last = last.parse().unwrap_or(end).min(end);
    (first <= last).then_some((first, last))
}
