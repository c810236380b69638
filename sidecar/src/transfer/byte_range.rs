//! One byte range as a caller asks for it (RFC 9110 §14). Pure.

/// A `Range` header that names one range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to the last of these bytes.
    Between(u64, u64),
    /// From this byte to the end.
    From(u64),
    /// This many bytes at the end.
    Last(u64),
}

impl ByteRange {
    /// Reads a header's value. Several ranges, other units and what is no range at all are `None`:
    /// to be ignored, as the RFC lets a server do.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", suffix) => number(suffix).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// First and last byte of it in a file of `length` bytes; `None` if the file has none of them.
    #[must_use]
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
        let end = length.checked_sub(1)?;
        let (first, last) = match self {
            Self::Between(first, last) => (first, last.min(end)),
            Self::From(first) => (first, end),
            Self::Last(0) => return None,
            Self::Last(count) => (length.saturating_sub(count), end),
        };
        (first <= end).then_some((first, last))
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Beyond u64 is beyond any file.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(header: &str, length: u64) -> Option<(u64, u64)> {
        ByteRange::parse(header).unwrap().within(length)
    }

    #[test]
    fn one_range_is_read_in_its_three_forms() {
        assert_eq!(within("bytes=0-9", 100), Some((0, 9)));
        assert_eq!(within("bytes=90-", 100), Some((90, 99)));
        assert_eq!(within("bytes=-10", 100), Some((90, 99)));
        assert_eq!(within("bytes=-1000", 100), Some((0, 99)));
        assert_eq!(within("bytes=5-1000", 100), Some((5, 99)));
        assert_eq!(within(" bytes=5 - 6 ", 100), Some((5, 6)));
    }

    #[test]
    fn what_lies_beyond_the_file_is_none_of_it() {
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(within(beyond, 100), None, "{beyond}");
        }
        assert_eq!(within("bytes=0-", 0), None);
        assert_eq!(within("bytes=-5", 0), None);
        assert_eq!(within("bytes=99999999999999999999999-", 100), None);
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_ignored() {
        for ignored in [
            "bytes=9-3",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-b",
            "bytes=+1-2",
            "chars=0-1",
            "bytes=0-1,5-6",
            "bytes 0-1",
            "",
        ] {
            assert_eq!(ByteRange::parse(ignored), None, "{ignored}");
        }
    }
}
