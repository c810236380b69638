//! One byte range of a file whose length is known (RFC 9110 §14). Pure.

/// What a `Range` header asks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing that can be honoured: the whole file is sent.
    Whole,
    /// The bytes from the first to the last, both inside the file.
    Part(u64, u64),
    /// Bytes beyond the file.
    Outside,
}

/// Reads a `Range` header for a file of `length` bytes. Several ranges, other units and what is
/// no range at all are ignored, as the RFC lets a server do.
pub(super) fn asked(header: &str, length: u64) -> Asked {
    let range = header.trim().strip_prefix("bytes=");
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => Asked::Outside,
            Some(suffix) => part(length.saturating_sub(suffix), u64::MAX, length),
            None => Asked::Whole,
        },
        (first, "") => number(first).map_or(Asked::Whole, |first| part(first, u64::MAX, length)),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => part(first, last, length),
            _ => Asked::Whole,
        },
    }
}

fn part(first: u64, last: u64, length: u64) -> Asked {
    if first >= length {
        return Asked::Outside;
    }
    Asked::Part(first, last.min(length - 1))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Beyond u64 is beyond any file.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_in_its_three_forms() {
        assert_eq!(asked("bytes=0-9", 100), Asked::Part(0, 9));
        assert_eq!(asked("bytes=90-", 100), Asked::Part(90, 99));
        assert_eq!(asked("bytes=-10", 100), Asked::Part(90, 99));
        assert_eq!(asked("bytes=-1000", 100), Asked::Part(0, 99));
        assert_eq!(asked("bytes=5-1000", 100), Asked::Part(5, 99));
    }

    #[test]
    fn what_lies_beyond_the_file_is_told_from_what_is_no_range() {
        assert_eq!(asked("bytes=100-", 100), Asked::Outside);
        assert_eq!(asked("bytes=100-200", 100), Asked::Outside);
        assert_eq!(asked("bytes=-0", 100), Asked::Outside);
        assert_eq!(asked("bytes=0-", 0), Asked::Outside);
        let beyond = "bytes=99999999999999999999999-";
        assert_eq!(asked(beyond, 100), Asked::Outside);
        for ignored in [
            "bytes=9-3",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-b",
            "chars=0-1",
            "bytes=0-1,5-6",
            "",
        ] {
            assert_eq!(asked(ignored, 100), Asked::Whole, "{ignored}");
        }
    }
}
