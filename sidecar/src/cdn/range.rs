//! `Content-Range` as the CDN sends it. Pure.

/// `bytes first-last/total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) total: u64,
}

impl ContentRange {
    /// `None` for anything but one complete, consistent range with a known total.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
        let parsed = Self {
            first: number(first)?,
            last: number(last)?,
            total: number(total)?,
        };
        let consistent = parsed.first <= parsed.last && parsed.last < parsed.total;
        (unit.eq_ignore_ascii_case("bytes") && consistent).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_consistent_range_with_a_total_is_read() {
        let good = ContentRange {
            first: 2,
            last: 4,
            total: 9,
        };
        assert_eq!(ContentRange::parse("bytes 2-4/9"), Some(good));
        assert_eq!(ContentRange::parse("Bytes  2-4/9"), Some(good));
        for bad in [
            "",
            "bytes 2-4/*",
            "bytes */9",
            "bytes 4-2/9",
            "bytes 2-9/9",
            "items 2-4/9",
        ] {
            assert_eq!(ContentRange::parse(bad), None, "{bad}");
        }
        for bad in [
            "bytes +2-4/9",
            "bytes 2-4",
            "2-4/9",
            "bytes 2-4/9, 5-6/9",
            "bytes -2-4/9",
        ] {
            assert_eq!(ContentRange::parse(bad), None, "{bad}");
        }
    }
}
